import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Will } from '../../src/host/functions/endpoints/will.js';
import type { KeyedWill } from '../../src/host/shard/messages.js';
import { WillKeeper } from '../../src/host/will-keeper.js';

const will = (session: string): Will => ({ session, client: 'c', functionId: 'f', url: 'https://hook.test/' });

function keeper(): { wills: WillKeeper; given: [shard: number, sessions: string[]][]; keys: number[] } {
  const given: [number, string[]][] = [];
  const keys: number[] = [];
  const wills = new WillKeeper((shard: number, keyed: readonly KeyedWill[]) => {
    given.push([shard, keyed.map(([, { session }]) => session)]);
    keys.push(...keyed.map(([key]) => key));
  });
  return { wills, given, keys };
}

test('a shard that lives is given the wills of one that died, and has them until it has told', () => {
  const { wills, given, keys } = keeper();
  for (const key of [1, 2, 3]) wills.keep(0, key, will(`0-${key}`));
  wills.keep(1, 1, will('1-1'));
  wills.drop(0, 2);
  wills.gone(0, [1, 2]);
  assert.deepEqual(given, [[1, ['0-1', '0-3']]]);
  wills.drop(1, keys[0]);
  wills.gone(1, [2]);
  assert.deepEqual(given[1], [2, ['1-1', '0-3']], 'its own too, none of them for another that has its number');
});

test('where none lives the next that comes is given them, once', () => {
  const { wills, given } = keeper();
  wills.keep(0, 1, will('0-1'));
  wills.gone(0, []);
  assert.deepEqual(given, []);
  wills.serves(0);
  wills.serves(1);
  assert.deepEqual(given, [[0, ['0-1']]]);
  wills.gone(1, [0]);
  assert.equal(given.length, 1, 'who leaves none behind has told of all');
});
