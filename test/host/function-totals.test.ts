import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionTotals } from '../../src/host/function-totals.js';
import { noCalls } from '../../src/host/functions/call-stats.js';

const did = (bytesIn: number, bytesOut = 0, held = 0) => ({ bytesIn, bytesOut, held });

test('sessions of functions that the configuration has are counted by name, all that clients define together', () => {
  const known = new Set(['echo', 'chat']);
  const totals = new FunctionTotals((id) => known.has(id));
  totals.session('chat', true, did(10, 20, 1));
  totals.session('chat', false, did(1, 2, 3));
  totals.session('', true, did(0));
  for (const id of ['mine', 'yours', '__proto__']) totals.session(id, true, did(5));
  known.delete('chat');
  totals.session('chat', false, did(100));
  const counted = [...totals].map(([name, { opened, bytesIn, bytesOut, held }]) => [
    name,
    opened,
    bytesIn,
    bytesOut,
    held,
  ]);
  assert.deepEqual(counted, [
    ['chat', 1, 111, 22, 4],
    ['(none)', 1, 0, 0, 0],
    ['(clients)', 3, 15, 0, 0],
  ]);
  assert.equal(totals.nameOf('chat'), 'chat', 'after a reload without it too');
});

test('calls of all shards come together', () => {
  const totals = new FunctionTotals((id) => id === 'chat');
  const counts = noCalls();
  counts.done.data = 3;
  counts.failed.close = 1;
  counts.classes[2] = 3;
  counts.seconds = 0.5;
  totals.calls([{ id: 'chat', counts }]);
  totals.calls([
    { id: 'chat', counts },
    { id: null, counts },
  ]);
  const [[, { calls }], [name]] = [...totals];
  assert.deepEqual([calls.done.data, calls.failed.close, calls.classes[2], calls.seconds], [6, 2, 6, 1]);
  assert.equal(name, '(clients)');
});
