import type { MessagePort } from 'node:worker_threads';

/** A predictor that tells once how it does, and is never heard of again. */
export default function run({ port }: { port: MessagePort }): never {
  port.postMessage({ type: 'ready' });
  port.postMessage({ type: 'status', status: { source: 'model', scores: { horizons: {} } } });
  for (;;);
}
