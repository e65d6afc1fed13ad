import type { NodeClient } from '../../../client/node-client.js';
import { SILENT_SESSION, type WebTransportSession } from '../../../http3/session.js';
import { SILENT_STREAM } from '../../../http3/stream.js';
import type { PolicyScores } from './policy-scores.js';
import type { RecordedVisit } from './recorded-visits.js';

const chunk = new Uint8Array(65_536);

/** ms that messages get after the last was sent. */
const GRACE_MS = 5000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sends a message on a stream of its own; `done` when all of it came back. */
function send(session: WebTransportSession, bytes: number, done: () => void): boolean {
  const stream = session.openStream(true);
  if (stream === null) return false;
  let left = bytes;
  const write = (): void => {
    while (left > 0 && !stream.isWriteDone) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      const taken = stream.write(part, part.length === left);
      left -= taken;
      if (taken < part.length) return;
    }
  };
  const read = (): void => {
    for (let length = stream.read(chunk); length >= 0; length = stream.read(chunk)) if (stream.finished) done();
  };
  stream.handler = { ...SILENT_STREAM, onReadable: read, onWritable: write };
  write();
  return true;
}

/** Plays a visit against a host's echo, and scores what came of it. */
export async function playVisit(
  client: NodeClient,
  url: string,
  visit: RecordedVisit,
  speed: number,
  scores: PolicyScores,
): Promise<void> {
  const target = new URL('/echo', url);
  target.searchParams.set('client', visit.client);
  const asked = performance.now();
  let session: WebTransportSession;
  try {
    ({ session } = await client.connect(target.href, SILENT_SESSION));
  } catch {
    scores.refused++;
    return;
  }
  scores.sessions++;
  const opened = performance.now();
  let waiting = 0;
  for (let i = 0; i < visit.times.length; i++) {
    const due = opened + visit.times[i] / speed;
    const wait = due - performance.now();
    if (wait > 1) await sleep(wait);
    // The first waits for the session as well.
    const since = i === 0 ? asked : due;
    const message = scores.sent(visit.sizes[i], i === 0);
    const done = (): void => {
      waiting--;
      scores.answered(message, performance.now() - since);
    };
    // Where streams are out, as what was sent before has not come back, it is not sent and counts as given up.
    if (send(session, visit.sizes[i], done)) waiting++;
    client.driver.scheduleFlush();
  }
  const until = performance.now() + GRACE_MS;
  while (waiting > 0 && performance.now() < until) await sleep(20);
  session.close();
  client.driver.scheduleFlush();
}
