import type { MessagePort } from 'node:worker_threads';
import { SessionTable } from '../src/core/session-table.js';
import type { PredictorInit, PredictorOutcome, ToPredictor } from '../src/host/prediction/messages.js';
import { Predictor } from '../src/host/prediction/predictor.js';
import { TidegateError } from '../src/quic/errors.js';

/** Shards tick on their own clocks: the last one is waited for as long as this share of a tick. */
const PATIENCE = 0.1;
const LEAST_POLL_MS = 2;
const MOST_POLL_MS = 25;

/** piscina's entry point: the predictor from its start until it is told to stop. */
export default async function run({
  init,
  port,
}: {
  init: PredictorInit;
  port: MessagePort;
}): Promise<PredictorOutcome> {
  const stop = new Int32Array(init.stop);
  const poll = Math.min(Math.max(init.tickMs / 50, LEAST_POLL_MS), MOST_POLL_MS);
  let predictor: Predictor;
  try {
    predictor = await Predictor.create(init, new SessionTable().layout.features.length, (message) => {
      port.postMessage(message);
    });
  } catch (error) {
    port.close();
    if (!(error instanceof TidegateError)) throw error;
    return { failed: { code: error.code, message: error.message } };
  }
  port.on('message', (message: ToPredictor) => predictor.receive(message));
  port.postMessage({ type: 'ready' });
  let waited = 0;
  while (Atomics.load(stop, 0) === 0) {
    await predictor.takeMessages();
    const due = predictor.due();
    if (due === 'all' || (due === 'some' && waited >= init.tickMs * PATIENCE)) {
      waited = 0;
      await predictor.tick();
    } else {
      waited = due === 'some' ? waited + poll : 0;
    }
    await new Promise((resolve) => setTimeout(resolve, poll));
  }
  await predictor.close();
  port.close();
  return { failed: null };
}
