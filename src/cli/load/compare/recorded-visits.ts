import { TidegateError } from '../../../quic/errors.js';
import { readPackets } from '../../packet-file.js';

/** What a client sent in one visit. */
export interface RecordedVisit {
  client: string;
  functionId: string;
  /** ms, on the recording's clock. */
  at: number;
  /** ms from the beginning, and bytes, of each message. */
  times: number[];
  sizes: number[];
}

/** Visits that a host knows of, and those that are played. */
export interface VisitSplit {
  history: RecordedVisit[];
  later: RecordedVisit[];
}

/** Of clients that come back: what is history. */
const HISTORY = 0.6;
/** Of flows, which come once: their first packets count as an earlier visit. */
const FLOW_HISTORY = 1 / 3;
/** ms between the two. */
const FLOW_PAUSE = 3_600_000;
/** ms of silence that part two visits, of messages and of requests. */
const SILENCE = { messages: 900_000, requests: 300_000 };

/** Adds a message to a visit. */
function add(visit: RecordedVisit, time: number, bytes: number): void {
  visit.times.push(time - visit.at);
  visit.sizes.push(bytes);
}

/**
 * Cuts a recording into visits. Clients that come back (`client,t,bytes`, or requests): by silence, the earlier ones are
 * history. Flows (`flow,t_ms,dir,bytes`): the first third of what the client sent is its history. Throws TIDEGATE_E_REPLAY.
 */
export async function readVisits(path: string): Promise<VisitSplit> {
  const open = new Map<string, RecordedVisit & { last: number }>();
  const visits: RecordedVisit[] = [];
  let silence: number | null = null;
  for await (const { flow: client, time, out, bytes, request, isFlow } of readPackets(path)) {
    silence ??= isFlow ? Number.POSITIVE_INFINITY : request === '' ? SILENCE.messages : SILENCE.requests;
    if (out || bytes === 0) continue;
    let visit = open.get(client);
    if (visit === undefined || time - visit.last >= silence) {
      visit = { client, functionId: request, at: time, times: [], sizes: [], last: time };
      open.set(client, visit);
      visits.push(visit);
    }
    visit.last = time;
    add(visit, time, bytes);
  }
  if (visits.length === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no messages of clients`);
  if (silence === Number.POSITIVE_INFINITY) return splitFlows(visits);
  const cut = Math.floor(visits.length * HISTORY);
  return { history: visits.slice(0, cut), later: visits.slice(cut) };
}

function splitFlows(flows: readonly RecordedVisit[]): VisitSplit {
  const split: VisitSplit = { history: [], later: [] };
  for (const flow of flows) {
    const cut = Math.ceil(flow.times.length * FLOW_HISTORY);
    if (cut >= flow.times.length) continue;
    const part = (from: number, to: number, at: number): RecordedVisit => ({
      ...flow,
      at,
      times: flow.times.slice(from, to).map((time) => time - flow.times[from]),
      sizes: flow.sizes.slice(from, to),
    });
    split.history.push(part(0, cut, -FLOW_PAUSE));
    split.later.push(part(cut, flow.times.length, 0));
  }
  return split;
}

/** `most` of the visits, evenly from all of them, each cut at `seconds`. */
export function sampled(visits: readonly RecordedVisit[], most: number, seconds: number): RecordedVisit[] {
  const step = Math.max(1, visits.length / most);
  const found: RecordedVisit[] = [];
  for (let at = 0; at < visits.length && found.length < most; at += step) {
    const visit = visits[Math.floor(at)];
    const kept = visit.times.filter((time) => time < seconds * 1000).length;
    found.push({ ...visit, times: visit.times.slice(0, kept), sizes: visit.sizes.slice(0, kept) });
  }
  return found;
}
