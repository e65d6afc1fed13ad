/** Threads beside a core: one writes limits without rest, one reads the feature matrix. Run by test/core. */
import { parentPort, workerData } from 'node:worker_threads';
import { FeatureMatrixReader } from '../../src/core/feature-matrix.js';
import type { CoreShare } from '../../src/core/layout.js';
import { LimitsMailbox } from '../../src/core/limits-mailbox.js';

const { share, stop, handle, role, seed } = workerData as {
  share: CoreShare;
  stop: SharedArrayBuffer;
  handle: number;
  role: 'limits' | 'matrix';
  seed: number;
};
const stopped = new Int32Array(stop);

/** All numbers of one writing follow from the first: a torn one shows. */
function writeLimits(): number {
  const mailbox = new LimitsMailbox(share);
  let writes = 0;
  for (let k = seed; Atomics.load(stopped, 0) === 0; k += 2, writes++) {
    const n = (k % 1_000_000) + 1;
    const limits = { rate: n * 17_000, burst: n * 4000, packetRate: n * 3, packetBurst: n * 2 };
    mailbox.write(handle, { in: limits, out: { ...limits, rate: n * 16_000 }, level: n & 3, bufferSize: n });
  }
  return writes;
}

/** Every row of a tick is of that tick: the writer puts its number into the events of all sessions. */
function readMatrix(): { ticks: number; torn: number; missed: number } {
  const reader = new FeatureMatrixReader(share);
  const column = share.layout.features.indexOf('event.resets');
  const width = share.layout.features.length;
  let last = 0;
  const result = { ticks: 0, torn: 0, missed: 0 };
  while (Atomics.load(stopped, 0) === 0) {
    const seen = reader.read(last);
    if (seen === null) {
      result.missed++;
      continue;
    }
    last = seen.tick;
    result.ticks++;
    const [first] = [seen.features[column]];
    for (let row = 0; row < seen.rows; row++) if (seen.features[row * width + column] !== first) result.torn++;
    if (Math.abs(Math.expm1(first) - seen.now) > seen.now * 1e-4) result.torn++;
  }
  return result;
}

parentPort?.postMessage('ready');
parentPort?.postMessage(role === 'limits' ? writeLimits() : readMatrix());
