import type { FeatureTick } from '../../core/feature-matrix.js';
import type { SessionContext } from '../model/context.js';
import { HORIZONS, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from '../model/outputs.js';
import { grown } from '../places.js';
import type { SessionRows } from '../serving/session-rows.js';
import { AXES, AXIS_COUNT, inUnit } from './axes.js';
import type { FunctionHabit, FunctionHabits } from './function-habits.js';
import { leadingAxes, type RiskScale, riskOf, SUSPICION_HALF_LIFE, suspicionOf } from './risk-scale.js';
import { SessionAxes } from './session-axes.js';

/** From a risk of this on a session teaches its function's habits little: abuse must not make itself usual. */
const SUSPECT = 0.7;

/** Ticks after which a session that goes on has shown what it is like. */
const TEACHES_AFTER = 60;

/** Axes that a reason names at most, and the excess that is worth naming. */
const REASONS = 3;
const WORTH_NAMING = 1;

/** Column of what an upload is held to: the largest quantile of the bytes of 10 s. */
export const TOLD_COLUMN = OUTPUTS.quantiles.at + HORIZONS.indexOf(10) * QUANTILES.length + QUANTILES.length - 1;

interface Opened {
  functionId: string;
  ofFunction: FunctionHabit;
  /** log1p of the bytes/s that its client is used to; 0 of one that is new. */
  habit: number;
}

/** Visits of a client from which on it has habits. */
const KNOWN_VISITS = 3;

/** The risk of each session of a shard, tick by tick, with reasons. */
export class SessionRisks {
  readonly #axes: SessionAxes;
  readonly #keep: number;
  /** Of sessions whose opening was not told yet. */
  readonly #nobody: FunctionHabit;
  /** By place: whose it is, suspicion as it fades, what it was at most. */
  #owner = new Int32Array(0);
  #suspicion = new Float32Array(0);
  #most = new Float32Array(0);
  #ticks = new Uint32Array(0);
  /** What is known of sessions from their opening, by handle, and of those that are looked at by place. */
  readonly #opened = new Map<number, Opened>();
  #known: (Opened | undefined)[] = [];

  constructor(
    features: readonly string[],
    tickSeconds: number,
    readonly scale: RiskScale,
    readonly habits: FunctionHabits,
  ) {
    this.#axes = new SessionAxes(features, tickSeconds);
    this.#keep = 2 ** (-tickSeconds / SUSPICION_HALF_LIFE);
    this.#nobody = habits.of('');
  }

  opened(handle: number, { functionId, visits, expectedLogRate }: SessionContext): void {
    const ofFunction = this.habits.of(functionId);
    const opened = { functionId, ofFunction, habit: visits >= KNOWN_VISITS ? expectedLogRate : 0 };
    const known = this.#opened.get(handle);
    // A client that said later who it is: its place holds the same object.
    if (known === undefined) this.#opened.set(handle, opened);
    else Object.assign(known, opened);
  }

  closed(handle: number, place: number): void {
    const opened = this.#opened.get(handle);
    this.#opened.delete(handle);
    if (opened === undefined || place >= this.#owner.length || this.#owner[place] !== handle) return;
    if (this.#ticks[place] < TEACHES_AFTER) this.#teach(place, opened.functionId);
  }

  /** What the session was like goes into its function's habits. */
  #teach(place: number, functionId: string): void {
    const isSuspect = riskOf(this.scale, this.#most[place]) >= SUSPECT;
    this.habits.note(functionId, this.#axes.most, place * AXIS_COUNT, isSuspect);
  }

  /** A tick's rows, after {@link SessionRows.take} and before the model says anything new of them. */
  tick(rows: SessionRows, { features, rows: count }: FeatureTick): void {
    const columns = rows.layout.features.length;
    for (let row = 0; row < count; row++) {
      const handle = rows.handles[row];
      const place = rows.placeOf(row);
      if (place >= this.#owner.length) this.#grow(Math.max(place + 1, this.#owner.length * 2, 64));
      const isNew = this.#owner[place] !== handle;
      if (isNew) {
        this.#begin(place, handle);
        if (rows.joined[row] === 1) this.#axes.join(place, features, row * columns);
      }
      let opened = this.#known[place];
      if (opened === undefined) {
        opened = this.#opened.get(handle);
        this.#known[place] = opened;
      }
      const told = isNew ? 0 : rows.outputs[row * OUTPUT_COLUMNS + TOLD_COLUMN];
      const { regularity, usual } = opened === undefined ? this.#nobody : opened.ofFunction;
      const regular = opened === undefined ? 1 : regularity;
      this.#axes.update(place, features, row * columns, told, opened?.habit ?? 0, regular);
      const now = suspicionOf(this.scale, usual, this.#axes.values, place * AXIS_COUNT);
      const held = Math.max(now, this.#suspicion[place] * this.#keep);
      this.#suspicion[place] = held;
      if (held > this.#most[place]) this.#most[place] = held;
      if (++this.#ticks[place] === TEACHES_AFTER && opened !== undefined) this.#teach(place, opened.functionId);
    }
  }

  /** Risk of the session at a place, 0..1. */
  riskAt(place: number): number {
    return place < this.#suspicion.length ? riskOf(this.scale, this.#suspicion[place]) : 0;
  }

  /** What is unusual about it, most first: what was seen, and what is ordinary. */
  reasonsAt(place: number): string[] {
    if (place >= this.#owner.length) return [];
    const { usual } = this.#opened.get(this.#owner[place])?.ofFunction ?? this.#nobody;
    const values = this.#axes.values.subarray(place * AXIS_COUNT, (place + 1) * AXIS_COUNT);
    return leadingAxes(this.scale, usual, values)
      .filter(([, excess]) => excess >= WORTH_NAMING)
      .slice(0, REASONS)
      .map(([i]) => {
        const { words, unit } = AXES[i];
        return `${words}: ${inUnit(values[i], unit)}, ordinary is up to ${inUnit(usual[i], unit)}`;
      });
  }

  #begin(place: number, handle: number): void {
    this.#axes.clear(place);
    this.#known[place] = undefined;
    this.#owner[place] = handle;
    this.#suspicion[place] = 0;
    this.#most[place] = 0;
    this.#ticks[place] = 0;
  }

  #grow(places: number): void {
    this.#axes.grow(places);
    while (this.#known.length < places) this.#known.push(undefined);
    this.#owner = grown(this.#owner, places);
    this.#suspicion = grown(this.#suspicion, places);
    this.#most = grown(this.#most, places);
    this.#ticks = grown(this.#ticks, places);
  }
}
