import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { Matchmaker } from '../../../../src/host/functions/peers/matchmaker.js';
import type { PeerAnswer } from '../../../../src/host/functions/peers/shard-peers.js';

function matchmaker() {
  const told: [shard: number, handle: number, other: unknown][] = [];
  const ports: MessagePort[] = [];
  const made = new Matchmaker((shard, { handle, other }: PeerAnswer, transfer) => {
    ports.push(...transfer);
    told.push([shard, handle, other !== null && 'port' in other ? 'port' : other]);
  });
  return { made, told, close: () => ports.forEach((port) => void port.close()) };
}

test('two of a name are joined in one shard or across two, a third is refused', () => {
  const { made, told, close } = matchmaker();
  made.join(0, 1, 'f', 'a');
  made.join(1, 1, 'f', 'b');
  made.join(0, 2, 'g', 'a');
  assert.deepEqual(told, [], 'another name, another function');
  made.join(0, 3, 'f', 'a');
  assert.deepEqual(told.splice(0), [[0, 1, { handle: 3 }]]);
  made.join(1, 4, 'g', 'a');
  assert.deepEqual(told.splice(0), [
    [0, 2, 'port'],
    [1, 4, 'port'],
  ]);
  made.join(2, 5, 'f', 'a');
  assert.deepEqual(told.splice(0), [[2, 5, null]]);
  close();
});

test('who is left of a pair is about to be told, and is joined with nobody else', () => {
  const { made, told } = matchmaker();
  made.join(0, 1, 'f', 'a');
  made.join(0, 2, 'f', 'a');
  made.leave(0, 1);
  told.length = 0;
  made.join(0, 3, 'f', 'a');
  assert.deepEqual(told, [], 'it waits for the next');
  made.leave(0, 2);
  made.join(0, 4, 'f', 'a');
  assert.deepEqual(told, [[0, 3, { handle: 4 }]]);
});

test('a name is free again when those that had it left, or their shard ended', () => {
  const { made, told, close } = matchmaker();
  made.join(0, 1, 'f', 'a');
  made.leave(0, 1);
  made.join(1, 2, 'f', 'a');
  made.lost(1);
  made.join(0, 3, 'f', 'a');
  assert.deepEqual(told, []);
  made.join(1, 2, 'f', 'a');
  assert.equal(told.length, 2);
  made.lost(1);
  made.lost(0);
  told.length = 0;
  made.join(0, 5, 'f', 'a');
  assert.deepEqual(told, []);
  close();
});
