import { CompressedScale } from './compressed-scale.js';
import { CONSTANTS, type DetectorConstants } from './constants.js';
import { DailySeason } from './daily-season.js';
import { RunningMedian } from './running-median.js';
import { SlowLevel } from './slow-level.js';
import { TailSurprise } from './tail-surprise.js';

/** What a value may be unusual in, in the words of an alarm. */
export const EVIDENCE = [
  'change from the value before',
  'value above its level',
  'median of 9 values off its level',
  'mean of 64 values above its level',
  'distance to the same time of day',
  'unrest of 32 values (compressed scale)',
  'mean of 16 values above its level (compressed scale)',
] as const;

/** All of `EVIDENCE`. */
export const ALL_EVIDENCE: readonly number[] = EVIDENCE.map((_, i) => i);

/** Values are held to this, so that their squares are numbers. */
const LARGEST = 1e150;

/** Values until anything is told. */
const LEARNING = 100;

/** A pause this many times the usual interval is a gap: what came before says little of what comes after. */
const GAP = 20;

/** Values after a gap that learn and don't tell. */
const AFTER_GAP = 10;

/** What is smaller than this, relative to the level, is rounding. */
const ROUNDING = 1e-9;

/**
 * What each value of a metric is unusual in, and how much: kinds of evidence (the files beside this one; `EVIDENCE` has their
 * names), each compared with its own past by `TailSurprise`. Constant memory: about 6 kB.
 */
export class SeriesEvidence {
  /** Surprise of the last value, by kind of evidence, in nats. */
  readonly surprises = new Float64Array(EVIDENCE.length);

  readonly #tails: TailSurprise[];
  readonly #evidence = new Float64Array(EVIDENCE.length);
  readonly #level = new SlowLevel();
  readonly #season = new DailySeason();
  readonly #median = new RunningMedian(9);
  readonly #scale = new CompressedScale();
  readonly #compressedLevel = new SlowLevel();
  readonly #unrestLevel = new SlowLevel();
  #last = 0;
  #mean64 = 0;
  #lastCompressed = 0;
  #compressed16 = 0;
  #unrest = 0;
  #seen = 0;
  #silent = LEARNING;
  #lastTime = Number.NaN;
  #interval = 0;

  constructor(constants: DetectorConstants = CONSTANTS) {
    this.#tails = EVIDENCE.map(() => new TailSurprise(constants));
  }

  /** The level that values are compared with. */
  get level(): number {
    return this.#level.value;
  }

  /**
   * Takes the next value, a finite number, at a time that may repeat, go back or leap (seconds). Returns whether enough is known
   * to tell of it.
   */
  next(timestamp: number, given: number): boolean {
    const value = Math.max(-LARGEST, Math.min(LARGEST, given));
    if (this.#seen === 0) this.#begin(value);
    else if (this.#isGap(timestamp)) this.#resume(value);
    this.#lastTime = timestamp;
    this.#gather(timestamp, value);
    this.#seen++;
    for (let i = 0; i < this.#tails.length; i++) this.surprises[i] = this.#tails[i].next(this.#evidence[i]);
    if (this.#silent === 0) return true;
    this.#silent--;
    return false;
  }

  #begin(value: number): void {
    this.#level.add(value);
    this.#last = value;
    this.#mean64 = value;
  }

  /** What came before a gap is no neighbour of what comes after. */
  #resume(value: number): void {
    this.#last = value;
    this.#silent = Math.max(this.#silent, AFTER_GAP);
  }

  #isGap(timestamp: number): boolean {
    const pause = timestamp - this.#lastTime;
    if (!(pause > 0)) return false;
    const isGap = this.#seen > LEARNING && pause > GAP * this.#interval;
    this.#interval +=
      (Math.min(pause, this.#seen > LEARNING ? 2 * this.#interval : pause) - this.#interval) /
      Math.min(this.#seen, LEARNING);
    return isGap;
  }

  #gather(timestamp: number, value: number): void {
    const evidence = this.#evidence;
    const level = this.#level.value;
    const rounding = ROUNDING * (Math.abs(level) + Math.abs(value));
    const real = (distance: number): number => (Math.abs(distance) > rounding ? distance : 0);
    evidence[0] = real(Math.abs(value - this.#last));
    evidence[1] = real(value - level);
    this.#mean64 += (value - this.#mean64) / 64;
    evidence[2] = real(Math.abs(this.#median.next(value) - level));
    evidence[3] = real(this.#mean64 - level);
    evidence[4] = real(this.#season.next(timestamp, value));
    this.#level.add(value);
    this.#last = value;

    const compressed = this.#scale.next(value);
    const change = Math.abs(compressed - this.#lastCompressed);
    this.#unrest += (change - this.#unrest) / 32;
    evidence[5] = real(this.#unrest - this.#unrestLevel.value);
    this.#compressed16 += (compressed - this.#compressed16) / 16;
    evidence[6] = real(this.#compressed16 - this.#compressedLevel.value);
    this.#unrestLevel.add(change);
    this.#compressedLevel.add(compressed);
    this.#lastCompressed = compressed;
  }
}
