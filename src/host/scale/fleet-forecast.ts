import { LoadForecaster } from '../../scale/forecast/load-forecaster.js';
import { PARTS } from '../../scale/forecast/load-history.js';
import type { LoadForecast } from '../../scale/forecast/load-horizon.js';
import type { FleetMember } from '../../scale/replicas/fleet-sum.js';
import type { Fleet } from './fleet.js';
import { learnAgain } from './learn-again.js';

const MINUTE_MS = 60_000;

/**
 * The forecast of a fleet's load. Its minutes are kept with the fleet, so that a host that is new to it knows its days and foretells
 * what the others do: an autoscaler asks any of them.
 */
export class FleetForecast {
  /** Null: what was before is not known yet. */
  #forecaster: LoadForecaster | null = null;
  #isBeginning = false;
  /** Sums of the minute as it goes, and the looks in it. */
  #minute = { sessions: 0, bytes: 0 };
  #looks = 0;

  constructor(
    readonly fleet: Fleet,
    readonly metric: 'sessions' | 'bytes',
  ) {}

  /** A look, each ten seconds: tells this host's load and takes the sum. A fleet that is not heard carries what it did. */
  async look(own: Omit<FleetMember, 'at'>, now: number): Promise<void> {
    const heard = await this.fleet.exchange(own, now);
    const load = heard ?? this.fleet.load;
    if (load === null) return;
    if (this.#forecaster === null) {
      if (heard !== null) await this.#begin(now);
      return;
    }
    this.#forecaster.add(load[this.metric]);
    this.#minute.sessions += load.sessions;
    this.#minute.bytes += load.bytes;
    if (++this.#looks < PARTS) return;
    const minute = this.#minute;
    this.#minute = { sessions: 0, bytes: 0 };
    this.#looks = 0;
    if (heard !== null) await this.fleet.keep(Math.floor(now / MINUTE_MS), minute);
  }

  async #begin(now: number): Promise<void> {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    const minutes = await this.fleet.minutes(Math.floor(now / MINUTE_MS));
    if (minutes !== null) {
      const forecaster = new LoadForecaster();
      await learnAgain(
        forecaster,
        minutes.map((load) => load?.[this.metric] ?? Number.NaN),
      );
      this.#forecaster = forecaster;
    }
    this.#isBeginning = false;
  }

  /** Empty before the past is known, or a minute of it. */
  forecasts(): LoadForecast[] {
    return this.#forecaster?.forecasts() ?? [];
  }
}
