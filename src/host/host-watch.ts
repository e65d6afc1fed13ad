import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ALARM_SCORE, SeriesDetector } from '../predict/anomaly/series-detector.js';
import { EVIDENCE } from '../predict/anomaly/series-evidence.js';
import type { CounterName } from './shard/counters.js';

/** Something unusual about the host itself. */
export interface HostAnomaly {
  metric: string;
  /** What it is, and what it usually is. */
  value: number;
  usual: number;
  /** 0..1. */
  score: number;
  /** In what it is unusual. */
  reason: string;
}

/** Sums of the counters of all shards, and numbers of other parts. */
export interface HostSample {
  counters: Record<CounterName, number>;
  /** ms that the predictor's last tick took; null without one. */
  predictorMs: number | null;
  /** How late shards do what they are to do, ms. */
  lagMs: number;
}

/** ms between two looks. */
const EVERY_MS = 5_000;

/** s for which something unusual is worth naming as a reason. */
const LATELY = 60;

const short = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en');

/** Counters that are watched as rates, a second. */
const RATES: Record<string, readonly CounterName[]> = {
  packets: ['packetsIn'],
  bytes: ['bytesIn', 'bytesOut'],
  sessionsOpened: ['sessionsOpened'],
  errors: ['malformed', 'functionErrors', 'endpointErrors', 'sessionsRefused'],
  handshakesFailed: ['handshakeTimeouts', 'evictedHandshakes', 'refusedPrefix', 'refusedFull', 'refusedToken'],
  dropped: ['datagramsDropped', 'undelivered', 'ringDropped'],
};

/** Watches the host's own metrics, each with a detector of its own. {@link sample} takes the time, s. */
export class HostWatch {
  readonly #detectors = new Map<string, SeriesDetector>();
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  #before: { at: number; counters: Record<CounterName, number> } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #latest: { at: number; found: readonly HostAnomaly[] } = { at: Number.NEGATIVE_INFINITY, found: [] };
  /** Scores as of the last sample, and how often each metric was unusual. */
  readonly scores: Record<string, number> = {};
  readonly counts: Record<string, number> = {};

  /** Looks every few seconds. */
  start(read: () => HostSample, found: (anomaly: HostAnomaly) => void): void {
    this.#delay.enable();
    this.#timer = setInterval(() => {
      for (const anomaly of this.sample(Date.now() / 1000, read())) found(anomaly);
    }, EVERY_MS);
    this.#timer.unref();
  }

  /** Looks at a sample. Returns what is unusual. */
  sample(now: number, { counters, predictorMs, lagMs }: HostSample): HostAnomaly[] {
    const values: Record<string, number> = { sessions: counters.sessions, handshakesInFlight: counters.handshakes };
    const before = this.#before;
    this.#before = { at: now, counters };
    if (before !== null && now > before.at) {
      for (const [metric, names] of Object.entries(RATES)) {
        let change = 0;
        // A shard that came back counts from 0.
        for (const name of names) change += Math.max(0, counters[name] - before.counters[name]);
        values[metric] = change / (now - before.at);
      }
    }
    values.lateness = this.#delay.percentile(99) / 1e6;
    this.#delay.reset();
    values.latency = lagMs;
    if (predictorMs !== null) values.predictorTick = predictorMs;
    const found = Object.entries(values).flatMap(([metric, value]) => this.#look(now, metric, value) ?? []);
    if (found.length > 0) this.#latest = { at: now, found };
    return found;
  }

  /** What has been unusual in the last minute before `now` (s), for who is told of its consequences; null: nothing. */
  unusual(now: number): string | null {
    const { at, found } = this.#latest;
    if (now - at > LATELY || found.length === 0) return null;
    const [{ metric, value, usual }] = [...found].sort((a, b) => b.score - a.score);
    return `unusual: ${metric} ${short(value)}, usually ${short(usual)}`;
  }

  #look(now: number, metric: string, value: number): HostAnomaly | null {
    let detector = this.#detectors.get(metric);
    if (detector === undefined) {
      detector = new SeriesDetector();
      this.#detectors.set(metric, detector);
    }
    const usual = detector.level;
    const score = detector.update(now, value);
    this.scores[metric] = score;
    if (score < ALARM_SCORE) return null;
    this.counts[metric] = (this.counts[metric] ?? 0) + 1;
    return { metric, value, usual, score, reason: EVIDENCE[detector.loudest] };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}
