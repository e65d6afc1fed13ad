import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../../src/host/functions/endpoints/endpoint.js';
import { mappedSession } from '../../support/mapped-session.js';

/** A session of a function whose endpoint is remote and answers when it is told to. */
function opened() {
  const told: string[] = [];
  const answers: (() => void)[] = [];
  const later = (what: string): Promise<undefined> => {
    told.push(what);
    return new Promise((resolve) => answers.push(() => resolve(undefined)));
  };
  const endpoint: Endpoint = {
    url: 'https://hook.test/',
    open: () => later('open'),
    data: () => later('data'),
    close: () => later('close'),
  };
  const { mapped, settings, calls, failures, kept } = mappedSession(endpoint);
  const answer = async (): Promise<void> => {
    answers.shift()?.();
    await new Promise(setImmediate);
  };
  const close = (): void => mapped.onClose({ code: 0, reason: '', by: 'peer', cause: null } as never);
  return { mapped, settings, calls, told, failures, kept, answer, close };
}

test('the close follows what its endpoint was called for before, and counts until it is heard', async () => {
  const { mapped, calls, told, answer, close } = opened();
  mapped.onOpen();
  await answer();
  mapped.onDatagram(Buffer.from('one'), 0, 3);
  mapped.onDatagram(Buffer.from('two'), 0, 3);
  close();
  assert.deepEqual(told, ['open', 'data', 'data']);
  let isOver = false;
  calls.afterLast(() => {
    isOver = true;
  });
  await answer();
  assert.equal(told.length, 3);
  await answer();
  assert.deepEqual([told[3], isOver], ['close', false]);
  await answer();
  assert.equal(isOver, true);
});

test('who was told of the open is told of the close, though its client is quarantined since', async () => {
  const { mapped, settings, told, failures, answer, close } = opened();
  mapped.onOpen();
  await answer();
  settings.securityLevel = 3;
  mapped.onDatagram(Buffer.from('one'), 0, 3);
  assert.deepEqual([told, failures], [['open'], ['quarantined']]);
  close();
  assert.deepEqual(told, ['open', 'close']);
});

test('who never heard of a session is not told of its end', () => {
  const { mapped, settings, told, close } = opened();
  settings.securityLevel = 3;
  mapped.onOpen();
  close();
  assert.deepEqual(told, []);
});

test('from the open until its close is heard a session has a will with the host', async () => {
  const { mapped, kept, answer, close } = opened();
  assert.equal(kept.size, 0);
  mapped.onOpen();
  const will = { session: '0-1-f', client: 'someone', functionId: 'f', url: 'https://hook.test/' };
  assert.deepEqual([...kept.values()], [will], 'before it is known to have heard of the open');
  await answer();
  close();
  assert.equal(kept.size, 1);
  await answer();
  assert.equal(kept.size, 0);
});
