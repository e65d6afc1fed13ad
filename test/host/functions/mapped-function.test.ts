import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../../src/host/functions/endpoints/endpoint.js';
import { CallsUnderWay } from '../../../src/host/functions/invocation.js';
import { MappedSession, type Mapping } from '../../../src/host/functions/mapped-function.js';
import { BufferPool } from '../../../src/host/functions/receive/buffer-pool.js';
import { CompiledCriteria } from '../../../src/host/functions/receive/compiled-criteria.js';
import { receiveSchema } from '../../../src/host/functions/receive/criteria.js';
import type { HostSession } from '../../../src/host/shard/host-session.js';

/** A session of a function whose endpoint is remote and answers when it is told to. */
function opened() {
  const told: string[] = [];
  const answers: (() => void)[] = [];
  const later = (what: string): Promise<undefined> => {
    told.push(what);
    return new Promise((resolve) => answers.push(() => resolve(undefined)));
  };
  const endpoint: Endpoint = {
    isRemote: true,
    open: () => later('open'),
    data: () => later('data'),
    close: () => later('close'),
  };
  const failures: string[] = [];
  const calls = new CallsUnderWay();
  const settings = { bufferSize: 65_536, securityLevel: 0 };
  const session = {
    shard: { calls, endpointFailed: (...[, , code]: string[]) => failures.push(code) },
    ...{ settings, isEnforced: true, variant: null, seal: null, close: () => {} },
  };
  const mapping: Mapping = {
    id: 'f',
    criteria: new CompiledCriteria(receiveSchema.parse({})),
    endpoints: { base: endpoint, variants: new Map(), quarantine: null },
    ...{ parameters: {}, deadlineMs: 1000, onError: 'message', seal: null },
  };
  const mapped = new MappedSession(mapping, session as unknown as HostSession, new BufferPool());
  const answer = async (): Promise<void> => {
    answers.shift()?.();
    await new Promise(setImmediate);
  };
  const close = (): void => mapped.onClose({ code: 0, reason: '', by: 'peer', cause: null } as never);
  return { mapped, settings, calls, told, failures, answer, close };
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
