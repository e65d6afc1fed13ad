import { SessionTable } from '../../core/session-table.js';
import type { Forecaster } from '../forecaster.js';
import { SESSION_COLUMNS } from '../model/inputs.js';
import { OUTPUT_COLUMNS } from '../model/outputs.js';
import { AXES, AXIS_COUNT, axisOf } from '../risk/axes.js';
import { FunctionHabits, USUALLY_REGULAR } from '../risk/function-habits.js';
import { SessionAxes } from '../risk/session-axes.js';
import { TOLD_COLUMN } from '../risk/session-risks.js';
import { SessionRows } from '../serving/session-rows.js';
import { type AbuseAction, type AbuseKind, abuseActions } from './abuse-shapes.js';

/** A packet of a session that is played, or something that happened in it. */
export interface Played {
  /** ms since the session opened. */
  at: number;
  what: 'in' | 'out' | 'stream' | 'reset' | 'refused' | 'authFailure';
  bytes: number;
}

/** A session that is judged. */
export interface TrialSession {
  name: string;
  /** Sessions of one group never stand on both sides of a validation. */
  group: string;
  functionId: string;
  kind: AbuseKind | null;
  /** ms from which on it is abuse. */
  onset: number;
  /** ms between its messages, of one that is regular. */
  period: number;
  packets: Played[];
}

/** A session's axes, tick by tick. */
export interface Trial extends Omit<TrialSession, 'packets'> {
  ticks: number;
  values: Float32Array;
}

/** Seconds for which abuse is played. */
const PLAYED_SECONDS = 40;

/** Seconds of a session that count. */
const LONGEST = 3600;

/** What an action of an abusive client is on the wire. */
function playedOf({ at, does, bytes, reply }: AbuseAction): Played[] {
  const answer: Played[] = reply > 0 ? [{ at: at + 1, what: 'out', bytes: reply }] : [];
  switch (does) {
    case 'message':
      return [{ at, what: 'in', bytes }, ...answer];
    case 'hold':
      return [
        { at, what: 'stream', bytes: 0 },
        { at, what: 'in', bytes },
      ];
    case 'drip':
      return [{ at, what: 'in', bytes }];
    case 'reset':
      return [
        { at, what: 'stream', bytes: 0 },
        { at, what: 'in', bytes },
        { at, what: 'reset', bytes: 0 },
      ];
    case 'refused':
      return [{ at, what: 'refused', bytes: 0 }];
    case 'stuffing':
      return [{ at, what: 'authFailure', bytes: 0 }];
  }
}

/** An abusive client: ordinary for as long as `before` lasts, then it shows its shape. */
export function abusiveSession(
  kind: AbuseKind,
  number: number,
  random: () => number,
  functionId: string,
  before: Played[] = [],
): TrialSession {
  const from = before.length === 0 ? 0 : before[before.length - 1].at + 500;
  const actions = abuseActions(kind, PLAYED_SECONDS, random);
  const onset = from + actions[0].at;
  const shape = actions.flatMap(playedOf).map((played) => ({ ...played, at: played.at + from }));
  const period = actions.length > 1 ? actions[1].at - actions[0].at : 0;
  const packets = [...before, ...shape.sort((a, b) => a.at - b.at)];
  return { name: `${kind} ${number}`, group: `abuse ${number % 10}`, functionId, kind, onset, period, packets };
}

function play(table: SessionTable, handle: number, { at, what, bytes }: Played): void {
  const { core, events } = table;
  if (what === 'in') core.datagramIn(handle, bytes, at);
  else if (what === 'out') core.datagramOut(handle, bytes, at);
  else {
    const event = { stream: events.streamsOpened, reset: events.resets, refused: events.refusedOpens };
    core.note(handle, what === 'authFailure' ? events.authFailures : event[what], 1);
  }
}

/**
 * Plays sessions through the core, the model and the axes as a live host does, all of them beside each other, tick by
 * tick of a second, each up to an hour or until 10 s after its last packet.
 */
export async function playTrials(
  sessions: readonly TrialSession[],
  forecaster: Forecaster,
  onProgress: (second: number) => void = () => {},
): Promise<Trial[]> {
  const table = new SessionTable(1_000_000, Math.max(1024, sessions.length));
  const features = table.layout.features.length;
  const rows = new SessionRows(table.layout, forecaster.stateColumns, 1);
  const axes = new SessionAxes(table.layout.features, 1);
  const live = sessions.map((session) => {
    const { kind, name, group, functionId, onset, period, packets } = session;
    const last = packets.length === 0 ? 0 : packets[packets.length - 1].at;
    const ticks = Math.min(LONGEST, Math.ceil(last / 1000) + 10);
    const trial: Trial = {
      name,
      group,
      functionId,
      kind,
      onset,
      period,
      ticks,
      values: new Float32Array(ticks * AXIS_COUNT),
    };
    const handle = table.open(0);
    rows.open(handle, { context: EMPTY, state: null, bias: 0 });
    return { trial, packets, handle, next: 0 };
  });
  axes.grow(sessions.length + 1);
  for (let second = 1; second <= LONGEST; second++) {
    const now = second * 1000;
    const present = live.filter(({ trial }) => second <= trial.ticks);
    if (present.length === 0) break;
    const tick = {
      tick: second,
      now,
      rows: present.length,
      handles: new Int32Array(present.length),
      features: new Float32Array(present.length * features),
      bytesIn: new Float64Array(present.length),
      bytesOut: new Float64Array(present.length),
    };
    present.forEach((one, row) => {
      for (; one.next < one.packets.length && one.packets[one.next].at < now; one.next++) {
        play(table, one.handle, one.packets[one.next]);
      }
      tick.handles[row] = one.handle;
      tick.features.set(table.features(one.handle, now), row * features);
      const { bytesIn, bytesOut } = table.counts(one.handle);
      tick.bytesIn[row] = bytesIn;
      tick.bytesOut[row] = bytesOut;
    });
    rows.take(tick);
    const state = rows.states[0].data.subarray(0, present.length * forecaster.stateColumns);
    const session = rows.session.subarray(0, present.length * SESSION_COLUMNS);
    const before = rows.outputs;
    for (const [row, one] of present.entries()) {
      const place = rows.placeOf(row);
      // What was told at the last tick: this one's is not known before its data.
      const told = second === 1 ? 0 : before[row * OUTPUT_COLUMNS + TOLD_COLUMN];
      axes.update(place, tick.features, row * features, told, 0, 0);
      one.trial.values.set(
        axes.values.subarray(place * AXIS_COUNT, (place + 1) * AXIS_COUNT),
        (second - 1) * AXIS_COUNT,
      );
    }
    const { outputs, next } = await forecaster.step({ core: tick.features, session, state }, present.length);
    rows.states[0].data.set(next);
    rows.outputs.set(outputs);
    onProgress(second);
  }
  return live.map(({ trial }) => trial);
}

/** What functions are used to, by ordinary trials. */
export function habitsOf(ordinary: readonly Trial[]): FunctionHabits {
  // Of regularity alone: how much is usual for a function would be learned from the very sessions that are judged.
  const habits = new FunctionHabits({
    axes: AXES.map(({ name }) => ({ name, usual: 0, scale: 1 })),
    calibration: [[0, 0]],
  });
  const axis = axisOf('clockwork');
  const most = new Float32Array(AXIS_COUNT);
  for (const { functionId, values } of ordinary) {
    most[axis] = 0;
    for (let i = axis; i < values.length; i += AXIS_COUNT) most[axis] = Math.max(most[axis], values[i]);
    habits.note(functionId, most);
  }
  return habits;
}

/** Trials as they are seen where functions have habits: what is regular by habit is not held against them. */
export function withHabits(trials: readonly Trial[], habits: FunctionHabits): Trial[] {
  const axis = axisOf('clockwork');
  return trials.map((trial) => {
    if (habits.regularity(trial.functionId) < USUALLY_REGULAR) return trial;
    const values = trial.values.slice();
    for (let i = axis; i < values.length; i += AXIS_COUNT) values[i] = 0;
    return { ...trial, values };
  });
}

const EMPTY = { functionId: '', openedAt: 0, visits: 0, expectedLogRate: 0, errors: [0.02, 0.02, 0.02, 0.02, 0.02] };
