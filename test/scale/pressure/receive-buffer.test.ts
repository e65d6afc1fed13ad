import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveBuffer } from '../../../src/scale/pressure/receive-buffer.js';

const MB = 1024 * 1024;
/** Bytes that the kernel counts for all that a buffer of 4 MB holds. */
const FULL = 8 * MB;
const SMALL = 100;

/** A look: what waits, and packets of 100 bytes that were taken. */
type Look = readonly [queued: number, taken: number];

const sizes = (buffer: ReceiveBuffer, looks: readonly Look[]): number[] =>
  looks.map(([queued, taken]) => buffer.look(queued, taken, taken * SMALL));
const times = (count: number, look: Look): Look[] => Array.from({ length: count }, () => look);

test('bursts find all the room that there is', () => {
  const buffer = new ReceiveBuffer(65_536, 4 * MB);
  const looks = [...times(2, [FULL, 4000]), [FULL / 4, 100], ...times(2, [FULL, 4000]), [0, 0]] as const;
  assert.deepEqual(new Set(sizes(buffer, looks)), new Set([4 * MB]));
});

test('a queue that stands is cut to what is taken in half a second, until it is over', () => {
  const buffer = new ReceiveBuffer(65_536, 4 * MB);
  // 2,000 packets in half a second, for each of which Linux counts 768 bytes; it allows twice what it is asked for.
  const cut = 768_000;
  assert.deepEqual(sizes(buffer, times(5, [FULL, 4000])), [4 * MB, 4 * MB, cut, cut, cut]);
  const faster = [2 * cut, 8000] as const;
  assert.deepEqual(sizes(buffer, [faster, ...times(3, [2 * cut, 4000])]), [2 * cut, 2 * cut, 2 * cut, cut]);
  assert.deepEqual(new Set(sizes(buffer, times(9, [0, 4000]))), new Set([cut]), 'it may come again at once');
  assert.deepEqual(sizes(buffer, [[0, 4000]]), [4 * MB]);
});

test('full packets count for what they take', () => {
  const buffer = new ReceiveBuffer(65_536, 4 * MB);
  for (let i = 0; i < 3; i++) buffer.look(FULL, 1000, 1_350_000);
  assert.equal(buffer.size, 576_000, '500 of 2,304 bytes');
});

test('it is never cut below its least nor grown above its most', () => {
  const buffer = new ReceiveBuffer(65_536, 4 * MB);
  const sizeAt = (taken: number): number | undefined => sizes(buffer, times(4, [FULL, taken])).at(-1);
  assert.equal(sizeAt(1), 65_536);
  assert.equal(sizeAt(0), 65_536);
  assert.equal(sizeAt(1e9), 4 * MB);
});
