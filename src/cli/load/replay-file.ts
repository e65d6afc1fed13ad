import { TidegateError } from '../../quic/errors.js';
import { readPackets } from '../packet-file.js';

/** Longest stretch of a flow that is played, ms: some last for days. */
export const CUT_MS = 300_000;

/** What one client sends: when (ms from its start) and how much. */
export interface ReplayFlow {
  client: string;
  times: number[];
  sizes: number[];
}

/**
 * The flows of a packet file ({@link readPackets}): what the clients send, each cut at {@link CUT_MS}. Throws
 * TIDEGATE_E_REPLAY.
 */
export async function readReplay(path: string, limit = Number.POSITIVE_INFINITY): Promise<ReplayFlow[]> {
  const flows = new Map<string, ReplayFlow & { start: number }>();
  for await (const { flow: client, time, out, bytes } of readPackets(path)) {
    let flow = flows.get(client);
    if (flow === undefined) {
      if (flows.size >= limit) continue;
      flow = { client, times: [], sizes: [], start: time };
      flows.set(client, flow);
    }
    const at = time - flow.start;
    if (out || at > CUT_MS) continue;
    flow.times.push(at);
    flow.sizes.push(bytes);
  }
  if (flows.size === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no flows`);
  return [...flows.values()];
}
