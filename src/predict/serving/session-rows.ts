import type { FeatureTick } from '../../core/feature-matrix.js';
import type { CoreLayout } from '../../core/layout.js';
import { ERROR_SCENARIOS, errorBit } from '../../profile/behavioral-profile.js';
import { Feedback } from '../feedback/feedback.js';
import { LiveScores } from '../feedback/live-scores.js';
import { CONTEXT_COLUMNS, type SessionContext, writeContext } from '../model/context.js';
import { SESSION_COLUMNS, SESSION_CONTEXT, SESSION_TICKS } from '../model/inputs.js';
import { OpeningColumns } from '../model/opening.js';
import { OUTPUT_COLUMNS } from '../model/outputs.js';
import { TickHistory } from '../model/tick-history.js';
import { grown } from '../places.js';

/** Bit of what is evidence of abuse, after those of the error scenarios. */
export const ABUSE_BIT = 1 << ERROR_SCENARIOS.length;
/** Counts in the feature rows that tell of errors, and what they tell. */
const EVENTS: readonly { feature: string; bits: number }[] = [
  { feature: 'event.resets', bits: errorBit('reset') },
  { feature: 'event.dropped', bits: errorBit('limit') },
  { feature: 'event.waited', bits: errorBit('limit') },
  { feature: 'event.malformed', bits: errorBit('malformed') | ABUSE_BIT },
  { feature: 'event.oversized', bits: errorBit('malformed') | ABUSE_BIT },
  { feature: 'event.refusedOpens', bits: ABUSE_BIT },
  { feature: 'event.authFailures', bits: errorBit('malformed') | ABUSE_BIT },
];
/** A skipped tick's bytes are spread over it and the next: over so many at most. */
const MOST_SKIPPED = 30;

/** A session that is seen for the first time and is older than so many ticks has been going on. */
const LATE = 1.5;

/** Ticks for which what a session leaves behind can be asked for. */
const LEFT_TICKS = 5;

/** Recurrent states of one model, in the order of the rows. */
export interface States {
  columns: number;
  data: Float32Array;
}

/** What a session leaves behind. */
export interface SessionMemory {
  state: Float32Array;
  bias: number;
  /** The last output row, as it was told. */
  outputs: Float32Array;
}

/** What a session brings along when it opens. */
export interface OpenedSession {
  context: SessionContext;
  /** Of the client's last session, by the same model; null: from the beginning, or as it is where the session goes on. */
  state: Float32Array | null;
  /** See BiasCorrection; null: none, or as it is. */
  bias: number | null;
}

/**
 * The sessions of one shard as the predictor has them: recurrent states and input columns in the order of the shard's feature
 * rows, history and feedback by slot. A tick's work makes no objects a session.
 */
export class SessionRows {
  readonly history: TickHistory;
  readonly feedback: Feedback;
  /** Rows of the last tick, and by row: handle, input columns beside the core's features. */
  rows = 0;
  handles = new Int32Array(0);
  session = new Float32Array(0);
  /** What was told of the row. */
  outputs = new Float32Array(0);
  /** Of the model that serves, and of one that wants to. */
  readonly states: States[];
  /** By row: what went wrong in the last tick, and bytes both ways, in it and so far. */
  happened = new Uint32Array(0);
  tickUp = new Float64Array(0);
  tickDown = new Float64Array(0);
  totals = new Float64Array(0);
  /** 1: is seen for the first time and has been going on, as whoever looks began only now. */
  joined = new Uint8Array(0);
  readonly #age: number;
  readonly #opening: OpeningColumns;
  readonly #mask: number;
  readonly #events: { column: number; bits: number }[];
  #places = 0;
  /** By slot: whose it is, its row, totals and counts as of the last tick, what was known at the open. */
  #owner = new Int32Array(0);
  #row = new Int32Array(0);
  #bytesIn = new Float64Array(0);
  #bytesOut = new Float64Array(0);
  #counts = new Float32Array(0);
  #context = new Float32Array(0);
  /** Sessions that have opened and are in no row yet, by handle. */
  readonly #opened = new Map<number, OpenedSession>();
  /** What sessions left behind that are in no row any more, by handle, and the tick in which they went. */
  readonly #left = new Map<number, SessionMemory & { tick: number }>();
  /** What was told about sessions from elsewhere since the last tick: bits by handle. */
  readonly #told = new Map<number, number>();
  #tick = 0;
  #now = -1;

  constructor(
    readonly layout: CoreLayout,
    stateColumns: number,
    readonly tickSeconds: number,
    scores: LiveScores = new LiveScores(),
  ) {
    this.states = [{ columns: stateColumns, data: new Float32Array(0) }];
    this.#mask = layout.at.MAX_SLOTS - 1;
    this.#age = layout.features.indexOf('age');
    this.#events = EVENTS.map(({ feature, bits }) => ({ column: layout.features.indexOf(feature), bits }));
    this.history = new TickHistory(0);
    this.#opening = new OpeningColumns(layout.features, 0);
    this.feedback = new Feedback(this.history, 0, scores);
    this.#growPlaces(64);
  }

  /** The slot of a row's session: its place in history and feedback. */
  placeOf(row: number): number {
    return this.handles[row] & this.#mask;
  }

  /** The slot of a session. */
  slotOf(handle: number): number {
    return handle & this.#mask;
  }

  /** Whether it was told what the session at a place brought along. */
  isKnown(place: number): boolean {
    return this.#context[place * CONTEXT_COLUMNS] === 1;
  }

  /** The row of a session, or -1. */
  rowOf(handle: number): number {
    const place = handle & this.#mask;
    return place < this.#places && this.#owner[place] === handle ? this.#row[place] : -1;
  }

  /**
   * A session opened, or is told of anew: what it brings along is taken up with its first row, or at once where that was
   * already.
   */
  open(handle: number, opened: OpenedSession): void {
    const row = this.rowOf(handle);
    if (row < 0) {
      const { context, state, bias } = opened;
      const before = this.#opened.get(handle);
      this.#opened.set(handle, { context, state: state ?? before?.state ?? null, bias: bias ?? before?.bias ?? null });
      return;
    }
    const place = handle & this.#mask;
    this.#takeUp(place, opened);
    const [{ columns, data }] = this.states;
    if (opened.state?.length === columns) data.set(opened.state, row * columns);
  }

  /** What went wrong with a session beyond what its features tell: bits of ERROR_SCENARIOS. */
  tell(handle: number, errors: number): void {
    if (errors !== 0) this.#told.set(handle, (this.#told.get(handle) ?? 0) | errors);
  }

  /** A session is over: what it leaves behind; null where it was in no row. `errors` are those of its end. */
  close(handle: number, errors: number): SessionMemory | null {
    this.#opened.delete(handle);
    this.#told.delete(handle);
    const row = this.rowOf(handle);
    if (row >= 0) {
      this.feedback.end(this.placeOf(row), errors);
      return this.#memory(row);
    }
    const left = this.#left.get(handle);
    this.#left.delete(handle);
    return left ?? null;
  }

  #memory(row: number): SessionMemory {
    const [{ columns, data }] = this.states;
    return {
      state: data.slice(row * columns, (row + 1) * columns),
      bias: this.feedback.bias.get(this.placeOf(row)),
      outputs: this.outputs.slice(row * OUTPUT_COLUMNS, (row + 1) * OUTPUT_COLUMNS),
    };
  }

  /** Another model runs beside the one that serves, from states of 0. */
  addShadow(columns: number): void {
    this.states[1] = { columns, data: new Float32Array(this.handles.length * columns) };
  }

  /** The shadow serves from now on, or goes. */
  endShadow(serves: boolean): void {
    const [champion, challenger = champion] = this.states;
    this.states.splice(0, 2, serves ? challenger : champion);
  }

  /** Takes a tick's rows. Returns how many ticks were skipped since the last. */
  take(tick: FeatureTick): number {
    const skipped = this.#tick === 0 ? 0 : Math.max(0, tick.tick - this.#tick - 1);
    this.#tick = tick.tick;
    this.#growRows(tick.rows);
    this.joined.fill(0, 0, tick.rows);
    this.#order(tick);
    this.#now = tick.now;
    const parts = Math.min(skipped + 1, MOST_SKIPPED);
    const features = this.layout.features.length;
    for (let row = 0; row < tick.rows; row++) {
      const place = this.handles[row] & this.#mask;
      const up = Math.max(0, tick.bytesIn[row] - this.#bytesIn[place]);
      const down = Math.max(0, tick.bytesOut[row] - this.#bytesOut[place]);
      this.#bytesIn[place] = tick.bytesIn[row];
      this.#bytesOut[place] = tick.bytesOut[row];
      this.tickUp[row] = up / parts;
      this.tickDown[row] = down / parts;
      this.totals[row] = tick.bytesIn[row] + tick.bytesOut[row];
      const happened = this.#happenedIn(tick.features, row * features, place);
      this.happened[row] = happened;
      for (let part = 0; part < parts; part++) this.history.add(up / parts, down / parts, place);
      // A forecast of one tick is not held against several.
      if (parts > 1) this.feedback.skip(place);
      this.feedback.observe(place, (up + down) / parts, this.totals[row], happened);
      const at = row * SESSION_COLUMNS;
      this.#opening.write(tick.features, row * features, this.session, at, place);
      this.history.write(this.session, at + SESSION_TICKS, place);
      const context = place * CONTEXT_COLUMNS;
      for (let i = 0; i < CONTEXT_COLUMNS; i++) this.session[at + SESSION_CONTEXT + i] = this.#context[context + i];
    }
    if (this.#told.size > 0) this.#told.clear();
    return skipped;
  }

  #happenedIn(features: Float32Array, at: number, place: number): number {
    let happened = this.#told.size > 0 ? (this.#told.get(this.#owner[place]) ?? 0) : 0;
    const counts = place * this.#events.length;
    for (let i = 0; i < this.#events.length; i++) {
      const { column, bits } = this.#events[i];
      const count = features[at + column];
      if (count > this.#counts[counts + i]) happened |= bits;
      this.#counts[counts + i] = count;
    }
    return happened;
  }

  /** Brings states into the order of the tick's rows. Mostly it is that of the last one. */
  #order(tick: FeatureTick): void {
    const { rows, handles } = tick;
    let same = rows === this.rows;
    for (let row = 0; same && row < rows; row++) same = handles[row] === this.handles[row];
    if (same) return;
    this.#keepLeaving(rows, handles);
    const before = this.states.map(({ data }) => data);
    for (const states of this.states) states.data = new Float32Array(this.handles.length * states.columns);
    for (let row = 0; row < rows; row++) {
      const handle = handles[row];
      const place = handle & this.#mask;
      if (place >= this.#places) this.#growPlaces(Math.max(place + 1, this.#places * 2));
      if (this.#owner[place] === handle) {
        this.states.forEach(({ columns, data }, i) => {
          const from = this.#row[place] * columns;
          data.set(before[i].subarray(from, from + columns), row * columns);
        });
      } else {
        this.#clear(place, handle);
        if (this.#hasBeenGoing(tick, row)) this.#join(place, tick, row);
        const opened = this.#opened.get(handle);
        if (opened !== undefined) {
          this.#opened.delete(handle);
          this.#takeUp(place, opened);
          const [{ columns, data }] = this.states;
          if (opened.state?.length === columns) data.set(opened.state, row * columns);
        }
      }
      this.#row[place] = row;
    }
    this.handles.set(handles.subarray(0, rows));
    this.rows = rows;
  }

  /** Notes what sessions leave behind that are not among the next rows: their end may be told only later. */
  #keepLeaving(rows: number, handles: Int32Array): void {
    for (const [handle, { tick }] of this.#left) if (this.#tick - tick > LEFT_TICKS) this.#left.delete(handle);
    const staying = new Set<number>();
    for (let row = 0; row < rows; row++) staying.add(handles[row]);
    for (let row = 0; row < this.rows; row++) {
      const handle = this.handles[row];
      if (staying.has(handle)) continue;
      this.#left.set(handle, { ...this.#memory(row), tick: this.#tick });
      this.#owner[handle & this.#mask] = 0;
    }
  }

  #clear(place: number, handle: number): void {
    this.history.clear(place);
    this.#opening.clear(place);
    this.feedback.clear(place);
    this.#owner[place] = handle;
    this.#bytesIn[place] = 0;
    this.#bytesOut[place] = 0;
    this.#counts.fill(0, place * this.#events.length, (place + 1) * this.#events.length);
    this.#context.fill(0, place * CONTEXT_COLUMNS, (place + 1) * CONTEXT_COLUMNS);
  }

  /** Whether a session that is new among the rows was there before the last tick. */
  #hasBeenGoing({ features, now }: FeatureTick, row: number): boolean {
    const since = this.#now < 0 ? this.tickSeconds * 1000 : now - this.#now;
    return Math.expm1(features[row * this.layout.features.length + this.#age]) > since * LATE;
  }

  /** What a session did before it was looked at is not what it did in a tick. */
  #join(place: number, { features, bytesIn, bytesOut }: FeatureTick, row: number): void {
    this.joined[row] = 1;
    this.#bytesIn[place] = bytesIn[row];
    this.#bytesOut[place] = bytesOut[row];
    this.#events.forEach(({ column }, i) => {
      this.#counts[place * this.#events.length + i] = features[row * this.layout.features.length + column];
    });
  }

  #takeUp(place: number, { context, bias }: OpenedSession): void {
    writeContext(this.#context, place * CONTEXT_COLUMNS, context);
    if (bias !== null) this.feedback.bias.set(place, bias);
  }

  #growRows(rows: number): void {
    if (rows <= this.handles.length) return;
    const length = Math.max(rows, this.handles.length * 2, 64);
    this.handles = grown(this.handles, length);
    this.session = grown(this.session, length * SESSION_COLUMNS);
    this.outputs = grown(this.outputs, length * OUTPUT_COLUMNS);
    for (const states of this.states) states.data = grown(states.data, length * states.columns);
    this.happened = grown(this.happened, length);
    this.tickUp = grown(this.tickUp, length);
    this.tickDown = grown(this.tickDown, length);
    this.totals = grown(this.totals, length);
    this.joined = grown(this.joined, length);
  }

  #growPlaces(places: number): void {
    this.history.grow(places);
    this.#opening.grow(places);
    this.feedback.grow(places);
    this.#owner = grown(this.#owner, places);
    this.#row = grown(this.#row, places);
    this.#bytesIn = grown(this.#bytesIn, places);
    this.#bytesOut = grown(this.#bytesOut, places);
    this.#counts = grown(this.#counts, places * this.#events.length);
    this.#context = grown(this.#context, places * CONTEXT_COLUMNS);
    this.#places = places;
  }
}
