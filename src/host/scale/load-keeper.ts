import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../predict/store/atomic-file.js';
import { isShared } from '../../profile/store/valkey-url.js';
import { LoadForecaster } from '../../scale/forecast/load-forecaster.js';
import { DAY, KEPT_MINUTES, PARTS } from '../../scale/forecast/load-history.js';
import type { LoadForecast } from '../../scale/forecast/load-horizon.js';
import { type CapacityOutlook, OutlookGate, outlookOf } from '../../scale/replicas/capacity-outlook.js';
import { desiredReplicas } from '../../scale/replicas/desired-replicas.js';
import { LearnedCapacity } from '../../scale/replicas/learned-capacity.js';
import type { HostConfig } from '../config.js';
import type { Log } from '../prediction/messages.js';
import { FleetForecast } from './fleet-forecast.js';
import { learnAgain } from './learn-again.js';

/** Loads that are forecast: sessions open, bytes both ways. */
export const LOADS = ['sessions', 'bytes'] as const;
export type LoadName = (typeof LOADS)[number];

/** What a minute's load is of one in people's units: sessions on average (each ten seconds count), bytes a second. */
export const MINUTE: Readonly<Record<LoadName, number>> = { sessions: PARTS, bytes: 60 };

/** What the host carries now: sessions; bytes, and time in which its shards were busy, µs, since it started. */
export interface LoadSample {
  sessions: number;
  bytes: number;
  busyMicroseconds: number;
  /** Bytes/s that the open sessions are predicted to move together; null or none: nobody predicts. */
  dataRate?: number | null;
}

/** A load, and what is foretold of it from below: bytes/s by the session now. */
type Loads = Record<LoadName, number> & { dataRate: number | null };

/** Sessions of a minute to come are at most so many times those of now. */
const MOST_GROWTH = 4;

const EVERY_MS = 10_000;
const SAVE_MS = 600_000;
/** Seconds between two looks of which the load is known. */
const LONGEST_LOOK = 60;
const MINUTE_MS = 60_000;
/**
 * The file's numbers: this; the day and the minute of it (UTC) in which the last minute ends; minutes; what was learned of the
 * capacity by each load, two numbers; their loads.
 */
const FORMAT = 0x54474c33;
const LEARNED = 4;
const HEAD = LEARNED + 2 * LOADS.length;

/**
 * The host's load as it goes, what is forecast of it, and what follows: how full it will be, and how many hosts there
 * should be. Minutes are kept in the data folder; the last two days are learned again at the start, beside serving.
 */
export class LoadKeeper {
  readonly forecasters: Record<LoadName, LoadForecaster> = {
    sessions: new LoadForecaster(),
    bytes: new LoadForecaster(),
  };
  readonly #minutes: Record<LoadName, number[]> = { sessions: [], bytes: [] };
  readonly #capacity: Record<LoadName, LearnedCapacity> = {
    sessions: new LearnedCapacity(),
    bytes: new LearnedCapacity(),
  };
  /** Threads that may serve. */
  threads = 1;
  readonly #gate = new OutlookGate();
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;
  #saved: NodeJS.Timeout | undefined;
  /** By the metric of the configuration; null: there is no other host. */
  #ofFleet: FleetForecast | null = null;
  #own: Record<LoadName, number> = { sessions: 0, bytes: 0 };
  #before: { at: number; sample: LoadSample } | null = null;
  /** Samples that came while the past was learned again. */
  #waiting: Loads[] | null = null;

  constructor(
    readonly config: HostConfig,
    readonly log: Log,
  ) {
    this.#path = join(config.dataDir, 'load', 'minutes.bin');
  }

  /** Looks every ten seconds. `told` gets an outlook that is worth telling clients. */
  async start(read: () => LoadSample, told: (outlook: CapacityOutlook) => void): Promise<void> {
    this.#waiting = [];
    void this.#restore();
    if (isShared(this.config.store)) {
      // Valkey's client takes a while to load: only who has one waits.
      const { Fleet } = await import('./fleet.js');
      this.#ofFleet = new FleetForecast(new Fleet(this.config.store, this.log), this.config.scaling.metric);
    }
    this.#timer = setInterval(() => {
      this.look(Date.now(), read());
      void this.#ofFleet?.look({ ...this.#own, capacity: this.#ownCapacity(this.config.scaling.metric) }, Date.now());
      const { outlook } = this;
      if (outlook !== null && this.#gate.passes(outlook, Date.now())) told(outlook);
    }, EVERY_MS);
    this.#timer.unref();
    this.#saved = setInterval(() => void this.#save(), SAVE_MS);
    this.#saved.unref();
  }

  /** A look at the load, at `now` ms. */
  look(now: number, sample: LoadSample): void {
    const before = this.#before;
    this.#before = { at: now, sample };
    // A clock that steps, or a host that slept: what came in between is nobody's load.
    const seconds = before === null ? 0 : (now - before.at) / 1000;
    if (before === null || seconds < 1) return;
    if (seconds > LONGEST_LOOK) {
      if (this.#waiting === null) this.#pass(Math.round(seconds / 60));
      return;
    }
    const scale = EVERY_MS / 1000 / seconds;
    const bytes = Math.max(0, sample.bytes - before.sample.bytes) * scale;
    this.#own = { sessions: sample.sessions, bytes };
    this.#take({ ...this.#own, dataRate: sample.dataRate ?? null });
    // A shard that starts again begins to count anew.
    const busy = Math.max(0, sample.busyMicroseconds - before.sample.busyMicroseconds);
    const use = busy / 1e6 / seconds / this.threads;
    this.#capacity.sessions.look(sample.sessions * PARTS, use);
    this.#capacity.bytes.look(bytes * PARTS, use);
  }

  /** Nobody looked for so many minutes: yesterday and the hour stay where they are. */
  #pass(minutes: number): void {
    const missed = Math.min(minutes, KEPT_MINUTES);
    for (const name of LOADS) this.#remember(name, new Array<number>(missed).fill(Number.NaN));
  }

  #remember(name: LoadName, minutes: readonly number[]): void {
    const forecaster = this.forecasters[name];
    forecaster.remember(minutes);
    const { count } = forecaster.history;
    for (let i = minutes.length; i > 0; i--) this.#keep(name, forecaster.history.at(count - i));
  }

  #keep(name: LoadName, load: number): void {
    const minutes = this.#minutes[name];
    minutes.push(load);
    if (minutes.length > KEPT_MINUTES) minutes.shift();
  }

  /** Hosts that have been heard of, this one too. */
  get hosts(): number {
    return this.#ofFleet?.fleet.load?.hosts ?? 1;
  }

  #take(loads: Loads): void {
    if (this.#waiting !== null) {
      this.#waiting.push(loads);
      return;
    }
    for (const name of LOADS) {
      const { history } = this.forecasters[name];
      const told = name === 'bytes' ? this.#fromBelow(loads) : undefined;
      if (this.forecasters[name].add(loads[name], told)) this.#keep(name, history.at(history.count - 1));
    }
  }

  /** Bytes of a minute to come, from the predictions of the sessions: those open now, and as many as will be. */
  #fromBelow({ sessions, dataRate }: Loads): ((minutes: number) => number) | undefined {
    if (dataRate === null || sessions <= 0) return undefined;
    const foretold = this.forecasters.sessions.forecasts();
    return (minutes) => {
      const then = foretold.find(({ horizon }) => horizon === minutes)?.mean ?? sessions * PARTS;
      return dataRate * MINUTE.bytes * Math.min(MOST_GROWTH, then / PARTS / sessions);
    };
  }

  forecasts(name: LoadName): LoadForecast[] {
    return this.forecasters[name].forecasts();
  }

  /** Load of a minute that one host carries: as configured, or as learned, here or by the fleet; null where it is not known. */
  capacity(name: LoadName): number | null {
    return this.#ownCapacity(name) ?? (name === this.config.scaling.metric ? this.#fleetCapacity : null);
  }

  #ownCapacity(name: LoadName): number | null {
    const { metric, capacity } = this.config.scaling;
    const isGiven = metric === name && capacity !== 'auto';
    return isGiven ? capacity * MINUTE[name] : this.#capacity[name].value;
  }

  get #fleetCapacity(): number | null {
    return this.#ofFleet?.fleet.load?.capacity ?? null;
  }

  /** How full the host is, where a person said what it carries; `sessions` are those open now. */
  fullness(sessions: number): number | null {
    const { metric, capacity } = this.config.scaling;
    if (capacity === 'auto') return null;
    return metric === 'sessions' ? sessions / capacity : (this.#own.bytes * PARTS) / MINUTE.bytes / capacity;
  }

  get outlook(): CapacityOutlook | null {
    const { metric } = this.config.scaling;
    return outlookOf(this.forecasts(metric), this.capacity(metric));
  }

  /** Hosts that there should be for the load of the fleet, and from what; null where that is not known. */
  get desired(): { replicas: number; load: number; capacity: number } | null {
    const { metric, startSeconds, margin, min, max, capacity: given } = this.config.scaling;
    // Whichever host is asked: all say the same.
    const capacity = (given === 'auto' ? this.#fleetCapacity : null) ?? this.capacity(metric);
    if (capacity === null) return null;
    const policy = { capacity, startMinutes: Math.max(1, Math.ceil(startSeconds / 60)), margin, least: min, most: max };
    // Before the fleet was heard for a minute this host is all that is known.
    const heard = this.#ofFleet?.forecasts() ?? [];
    const forecasts = heard.length > 0 ? heard : this.forecasts(metric);
    const replicas = desiredReplicas(forecasts, policy);
    const load = forecasts.find(({ horizon }) => horizon >= policy.startMinutes)?.mean;
    return replicas === null || load === undefined ? null : { replicas, load, capacity };
  }

  /** What was kept is learned again, in slices between which the host serves. */
  async #restore(): Promise<void> {
    try {
      const bytes = await readFile(this.#path);
      const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3)));
      const [format, day, minute, count] = numbers;
      if (format !== Math.fround(FORMAT) || numbers.length !== HEAD + count * LOADS.length) {
        throw new Error('it is of another form');
      }
      if (!numbers.subarray(LEARNED).every((load) => load >= 0 && Number.isFinite(load))) {
        throw new Error('it holds what is no load');
      }
      const missed = Math.max(0, Math.round(Date.now() / MINUTE_MS) - (day * DAY + minute));
      LOADS.forEach((name, i) => {
        const at = LEARNED + 2 * i;
        this.#capacity[name].restore([numbers[at], numbers[at + 1]]);
      });
      // Of more than eight days ago nothing is used.
      if (missed < KEPT_MINUTES) await this.#learnAgain(numbers.subarray(HEAD), missed);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') this.log('warn', 'the load of earlier days is left aside', { error: message });
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const loads of waiting) this.#take(loads);
  }

  async #learnAgain(numbers: Float32Array, missed: number): Promise<void> {
    const count = numbers.length / LOADS.length;
    for (const [i, name] of LOADS.entries()) {
      const minutes = Array.from(numbers.subarray(i * count, (i + 1) * count));
      await learnAgain(this.forecasters[name], minutes);
      for (const load of minutes) this.#keep(name, load);
    }
    this.#pass(missed);
  }

  async #save(): Promise<void> {
    const count = this.#minutes.sessions.length;
    if (count === 0 || this.#waiting !== null) return;
    const now = Math.round(Date.now() / MINUTE_MS);
    const learned = LOADS.flatMap((name) => this.#capacity[name].learned);
    const head = [FORMAT, Math.floor(now / DAY), now % DAY, count, ...learned];
    const numbers = Float32Array.from([...head, ...LOADS.flatMap((name) => this.#minutes[name])]);
    try {
      await writeAtomically(this.#path, new Uint8Array(numbers.buffer));
    } catch (error) {
      this.log('warn', 'the load is not kept', { error: (error as Error).message });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#saved);
    await this.#save();
    await this.#ofFleet?.fleet.close();
  }
}
