import { SessionTable } from '../../core/session-table.js';
import type { RequestType } from '../../profile/behavioral-profile.js';
import { inputPlaces, SESSION_COLUMNS, SESSION_TICKS } from '../model/inputs.js';
import { OpeningColumns } from '../model/opening.js';
import { HORIZONS } from '../model/outputs.js';
import { TickHistory } from '../model/tick-history.js';
import { labelled, stepTargets, TARGET_PLACES } from './step-targets.js';

/** A recorded flow: when (ms since its first packet), which way, how much. */
export interface Flow {
  name: string;
  /** Where it was recorded: flows of one capture never stand on both sides of a validation. */
  capture: string;
  label: RequestType | null;
  /** What it was used for, by name, where that is known. */
  application?: string;
  times: number[];
  out: boolean[];
  bytes: number[];
}

/** A feature row, with what came after it. */
export interface Example {
  features: Float32Array;
  targets: Float32Array;
}

/** What a session did, as the model sees it: recorded packets played through the core, or live rows that were kept. */
export interface Sequence {
  /** See {@link Flow}. */
  capture: string;
  /** The packets, where they are known. */
  flow: Flow | null;
  /** Bytes of each second, up and down. */
  up: ArrayLike<number>;
  down: ArrayLike<number>;
  /** A row at the beginning of each second from 1 on. */
  steps: Example[];
  /** A row right after the packet of that number (from 1), by number. */
  events: Map<number, Example>;
}

export interface FlowRows extends Sequence {
  flow: Flow;
}

/** Seconds of a flow that count, as in `score_flows.py`. */
const MOST_SECONDS = 300;
/** Packets after which a row is taken; the last one of a shorter flow too. */
const EVENT_PACKETS = [1, 2, 3, 5, 8, 10];
/** ms after a packet whose bytes are the target of its row. */
const AFTER = 10_000;

/** log1p of the bytes within 10 s of packet `k` (from 1) and after it; null where there is no later packet. */
export function bytesAfter({ times, bytes }: Flow, k: number): number | null {
  if (times.length <= k) return null;
  let sum = 0;
  for (let i = k; i < times.length; i++) if (times[i] <= times[k - 1] + AFTER) sum += bytes[i];
  return Math.log1p(sum);
}

function secondsOf({ times, out, bytes }: Flow): { up: Float64Array; down: Float64Array } {
  const last = times[times.length - 1];
  const count = Math.min(MOST_SECONDS, Math.floor(last / 1000) + 1);
  const [up, down] = [new Float64Array(count), new Float64Array(count)];
  times.forEach((time, i) => {
    const second = Math.floor(time / 1000);
    if (second < count) (out[i] ? down : up)[second] += bytes[i];
  });
  return { up, down };
}

function eventTargets(flow: Flow, k: number): Float32Array {
  const targets = labelled(flow.label, 1);
  const after = bytesAfter(flow, k);
  if (after === null) return targets;
  // Of the horizons the 10 s.
  const place = HORIZONS.indexOf(10);
  targets[TARGET_PLACES.mean + place] = after;
  targets[TARGET_PLACES.meanMask + place] = 1;
  return targets;
}

/** Plays a flow through the core, with a row at each second and after the first packets. */
export function flowRows(table: SessionTable, flow: Flow): FlowRows {
  const { up, down } = secondsOf(flow);
  const handle = table.open(0);
  const steps: Example[] = [];
  const events = new Map<number, Example>();
  const history = new TickHistory();
  const opening = new OpeningColumns(table.layout.features, 1);
  const features = (now: number): Float32Array => {
    const core = table.features(handle, now);
    const row = new Float32Array(core.length + SESSION_COLUMNS);
    row.set(core);
    opening.write(core, 0, row, core.length);
    history.write(row, core.length + SESSION_TICKS);
    return row;
  };
  for (let i = 0; i < flow.times.length; i++) {
    const time = flow.times[i];
    // Everything in the row of a second is known before that second begins.
    while (steps.length + 1 < up.length && (steps.length + 1) * 1000 <= time) {
      const second = steps.length + 1;
      history.add(up[second - 1], down[second - 1]);
      steps.push({ features: features(second * 1000), targets: stepTargets(up, down, second, flow.label) });
    }
    if (flow.out[i]) table.core.datagramOut(handle, flow.bytes[i], time);
    else table.core.datagramIn(handle, flow.bytes[i], time);
    const k = i + 1;
    const isLast = k === flow.times.length && k < (EVENT_PACKETS.at(-1) ?? 0);
    if (EVENT_PACKETS.includes(k) || isLast) {
      events.set(k, { features: features(time), targets: eventTargets(flow, k) });
    }
  }
  table.close(handle);
  return { capture: flow.capture, flow, up, down, steps, events };
}

/** The rows of all flows. */
export function allFlowRows(flows: readonly Flow[]): FlowRows[] {
  const table = new SessionTable();
  return flows.map((flow) => flowRows(table, flow));
}

/** Features of the core in the rows of flows. */
export function coreColumnsOf(rows: readonly FlowRows[]): number {
  const [event] = rows[0].events.values();
  return inputPlaces(event.features.length).core;
}
