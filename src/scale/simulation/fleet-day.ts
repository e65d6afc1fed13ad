import { normalDeviate } from '../../numeric/normal-deviate.js';
import { LoadForecaster } from '../forecast/load-forecaster.js';
import { DAY, PARTS } from '../forecast/load-history.js';
import { FLEET_SAMPLE, type FleetMember, fleetSum, readMember } from '../replicas/fleet-sum.js';

/** What a day in a fleet comes to, for one of its hosts. */
export interface FleetDay {
  hosts: number;
  /** Of an exchange with the fleet, the forecast with it: µs of this host's time, and bytes that it reads. */
  microseconds: number;
  bytesRead: number;
  /** Root mean square error of the fleet's sum as this host reckons it, of the sum. */
  sumError: number;
  /** Error of its forecasts of the sum five minutes ahead, over those of one who knows the sum. */
  forecastRatio: number;
}

const AHEAD = 5;
/** Hosts are unlike: the deviation of the logarithm of their shares, and of their load from step to step. */
const UNLIKE = 0.6;
const NOISE = 0.2;
/** Minutes before forecasts are compared. */
const LEARNING = 180;

/** Mean squared error of forecasts of minutes, as they come. */
class Judged {
  readonly forecaster = new LoadForecaster([1, AHEAD]);
  readonly #told = new Map<number, number>();
  squares = 0;

  /** Takes ten seconds as this one knows them; `minute` is what the minute truly came to, where it is complete. */
  take(load: number, minute: number | null): void {
    if (!this.forecaster.add(load) || minute === null) return;
    const last = this.forecaster.history.count - 1;
    const told = this.#told.get(last);
    this.#told.delete(last);
    if (told !== undefined && last >= LEARNING) this.squares += (told - minute) ** 2;
    const forecast = this.forecaster.forecasts().find(({ horizon }) => horizon === AHEAD);
    if (forecast !== undefined) this.#told.set(last + AHEAD, forecast.mean);
  }
}

/**
 * Plays a day of a fleet whose load has the shape of a series, each host with a share and noise of its own, as one of its hosts sees
 * it: lines as they lie in Valkey, a sample of which is read each ten seconds.
 */
export function playFleetDay(parts: Float64Array, hosts: number, random: () => number): FleetDay {
  const steps = Math.min(parts.length, DAY * PARTS);
  const shares = Float64Array.from({ length: hosts }, () => Math.exp(UNLIKE * normalDeviate(random)));
  const noise = new Float64Array(hosts);
  const order = Int32Array.from({ length: hosts }, (_, i) => i);
  const [mine, true_] = [new Judged(), new Judged()];
  let [squares, sums, nanoseconds, bytesRead] = [0, 0, 0, 0];
  let minute = 0;
  for (let step = 0; step < steps; step++) {
    const now = step * 10_000;
    let sum = 0;
    for (let i = 0; i < hosts; i++) {
      noise[i] = 0.9 * noise[i] + NOISE * (random() + random() - 1);
      sum += shares[i] * parts[step] * Math.max(0, 1 + noise[i]);
    }
    minute += sum;
    const lines: string[] = [];
    for (let k = 0; k < Math.min(FLEET_SAMPLE, hosts); k++) {
      const other = k + Math.floor(random() * (hosts - k));
      [order[k], order[other]] = [order[other], order[k]];
      const i = order[k];
      const load = shares[i] * parts[step] * Math.max(0, 1 + noise[i]);
      lines.push(JSON.stringify({ at: now, sessions: load, bytes: load * 1000 }));
    }
    const isComplete = (step + 1) % PARTS === 0;
    const began = process.hrtime.bigint();
    const members = lines.map(readMember).filter((member): member is FleetMember => member !== null);
    const { sessions } = fleetSum(members, now, hosts);
    mine.take(sessions, isComplete ? minute : null);
    nanoseconds += Number(process.hrtime.bigint() - began);
    true_.take(sum, isComplete ? minute : null);
    if (isComplete) minute = 0;
    bytesRead += lines.reduce((all, line) => all + line.length, 0);
    squares += (sessions - sum) ** 2;
    sums += sum ** 2;
  }
  return {
    hosts,
    microseconds: nanoseconds / 1000 / steps,
    bytesRead: bytesRead / steps,
    sumError: Math.sqrt(squares / sums),
    forecastRatio: Math.sqrt(mine.squares / true_.squares),
  };
}
