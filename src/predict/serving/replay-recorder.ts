import type { FeatureTick } from '../../core/feature-matrix.js';
import { SESSION_COLUMNS } from '../model/inputs.js';
import type { ReplaySequence } from '../store/replay-sequence.js';
import type { SessionRows } from './session-rows.js';

/** Ticks of a sequence: as many as are unrolled in training, and a minute after them for what came. */
const MOST_TICKS = 92;
/** Sequences that are shorter teach nothing. */
const LEAST_TICKS = 12;

interface Recording {
  rows: SessionRows;
  handle: number;
  client: string;
  startedAt: number;
  inputs: Float32Array[];
  up: number[];
  down: number[];
  happened: number[];
}

/** Records what some of the live sessions do: a few at a time, chosen at random. Without files, without a clock. */
export class ReplayRecorder {
  #recordings: Recording[] = [];

  constructor(
    /** Sessions that are recorded at a time. */
    readonly concurrent: number,
    readonly random: () => number,
  ) {}

  /**
   * Takes a shard's tick, after {@link SessionRows.take}. `clientOf` names a session's client, or undefined where it is not
   * known (yet). Returns sequences that are complete.
   */
  take(
    rows: SessionRows,
    tick: FeatureTick,
    skipped: number,
    now: number,
    clientOf: (handle: number) => string | undefined,
  ): ReplaySequence[] {
    const done: ReplaySequence[] = [];
    this.#recordings = this.#recordings.filter((recording) => {
      if (recording.rows !== rows) return true;
      // What came in ticks that were skipped is not known tick by tick.
      if (skipped > 0) return false;
      const row = rows.rowOf(recording.handle);
      if (row >= 0) {
        recording.up.push(rows.tickUp[row]);
        recording.down.push(rows.tickDown[row]);
        recording.happened.push(rows.happened[row]);
        if (recording.inputs.length < MOST_TICKS) {
          recording.inputs.push(inputRow(rows, tick, row));
          return true;
        }
      }
      if (recording.up.length >= LEAST_TICKS) done.push(sequenceOf(recording, row < 0));
      return false;
    });
    if (rows.rows > 0 && this.#recordings.length < this.concurrent) this.#begin(rows, tick, now, clientOf);
    return done;
  }

  /** What is recorded of clients goes. */
  forget(clients: readonly string[]): void {
    const gone = new Set(clients);
    this.#recordings = this.#recordings.filter((recording) => !gone.has(recording.client));
  }

  /** A shard is gone: nothing follows of its sessions. */
  leave(rows: SessionRows): void {
    this.#recordings = this.#recordings.filter((recording) => recording.rows !== rows);
  }

  #begin(rows: SessionRows, tick: FeatureTick, now: number, clientOf: (handle: number) => string | undefined): void {
    const row = Math.floor(this.random() * rows.rows);
    const handle = rows.handles[row];
    const client = clientOf(handle);
    const isRecorded = this.#recordings.some((recording) => recording.rows === rows && recording.handle === handle);
    if (client === undefined || isRecorded) return;
    this.#recordings.push({
      rows,
      handle,
      client,
      startedAt: now,
      inputs: [inputRow(rows, tick, row)],
      up: [],
      down: [],
      happened: [],
    });
  }
}

function inputRow(rows: SessionRows, tick: FeatureTick, row: number): Float32Array {
  const core = rows.layout.features.length;
  const input = new Float32Array(core + SESSION_COLUMNS);
  input.set(tick.features.subarray(row * core, (row + 1) * core));
  input.set(rows.session.subarray(row * SESSION_COLUMNS, (row + 1) * SESSION_COLUMNS), core);
  return input;
}

function sequenceOf({ client, startedAt, inputs, up, down, happened }: Recording, ended: boolean): ReplaySequence {
  const columns = inputs[0].length;
  const rows = new Float32Array(up.length * columns);
  for (let i = 0; i < up.length; i++) rows.set(inputs[i], i * columns);
  const floats = (values: number[]): Float32Array => Float32Array.from(values);
  return { client, startedAt, ended, columns, rows, up: floats(up), down: floats(down), happened: floats(happened) };
}
