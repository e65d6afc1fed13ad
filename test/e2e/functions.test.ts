import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FunctionSession, SessionError } from '../../src/client/index.js';
import { AppError, type AppErrorName } from '../../src/control/codes.js';
import { CONTROL_MAGIC, encodeControl } from '../../src/control/frames.js';
import { framed } from '../../src/host/functions/receive/frame-scanner.js';
import { sleep, TestClient, until } from '../support/client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

const greeter = moduleOf('greeter');
const troublesome = moduleOf('troublesome');
const limit = { timeout: 60_000 };
const json = (bytes: Uint8Array) => JSON.parse(textOf(bytes));

/** Sends a datagram until one comes back. */
async function datagramAnswer(session: FunctionSession, message: string): Promise<Uint8Array> {
  const next = session.datagrams().next();
  const timer = setInterval(() => void session.sendDatagram(text(message)).catch(() => {}), 50);
  const { value } = await next;
  clearInterval(timer);
  return value as Uint8Array;
}

/** How a session ended. */
async function closeOf(session: FunctionSession): Promise<{ code: number; reason: string }> {
  const { closeCode, reason } = (await session.transport.closed) as { closeCode: number; reason: string };
  return { code: closeCode, reason };
}

test('a module: told of the open, invoked on data, answers on streams and by datagrams', limit, async () => {
  const host = await hosts.start({ functions: { greet: { endpoint: greeter, parameters: { colour: 'blue' } } } });
  const session = await hosts.open(host, 'greet');
  const { rateLimit, bufferSize, mode } = session.settings;
  assert.ok(rateLimit > 0 && bufferSize > 0 && mode === 'enforce');
  const answer = json(await session.request(text('hello')));
  assert.deepEqual([answer.kind, answer.said, answer.parameters], ['stream', ['hello'], { colour: 'blue' }]);
  const quick = json(await datagramAnswer(session, 'quick'));
  assert.deepEqual([quick.kind, quick.said[0]], ['datagram', 'quick']);
  assert.ok(quick.count > answer.count, 'state is of the session');
});

test(
  'a reply too big for a datagram is the failure of its function, and nothing that the client did',
  limit,
  async () => {
    const receive = { maxMessage: 1000 };
    const host = await hosts.start({ tick: 0.1, functions: { greet: { endpoint: greeter, receive } } });
    const session = await hosts.open(host, 'greet');
    // In JSON each of these is six bytes.
    await until(async () => {
      await session.sendDatagram(new Uint8Array(900));
      return host.shards.total('endpointErrors') > 30;
    });
    const [first] = await host.sessions();
    assert.equal(first.counts.oversized, 0);
    await until(async () => {
      await session.sendDatagram(new Uint8Array(1001));
      return (await host.sessions())[0].counts.oversized > 0;
    });
  },
);

test('messages on a stream are told by their frames, and handed on when the criteria are met', limit, async () => {
  const receive = { framing: 'u32', when: { messages: 2 } } as const;
  const host = await hosts.start({ functions: { pairs: { endpoint: greeter, receive } } });
  const session = await hosts.open(host, 'pairs');
  const { readable, writable } = await session.transport.createBidirectionalStream();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const send = async (message: string) => await writer.write(Uint8Array.from(framed('u32', text(message))));
  let seen = Buffer.alloc(0);
  const answer = async () => {
    while (seen.length < 4 || seen.length < 4 + seen.readUInt32BE()) {
      const { value, done } = await reader.read();
      if (done) throw new Error('the stream ended');
      seen = Buffer.concat([seen, value]);
    }
    const length = seen.readUInt32BE();
    const message = json(seen.subarray(4, 4 + length));
    seen = seen.subarray(4 + length);
    return message;
  };
  await send('one');
  await sleep(50);
  await send('two');
  assert.deepEqual((await answer()).said, ['one', 'two'], 'unmet data waits');
  await send('three');
  await writer.close();
  const last = await answer();
  assert.deepEqual([last.said, last.ended], [['three'], true], 'at the end all that is left goes');
});

test(
  'a handler that throws, hangs or returns rubbish ends its own message, or its session by policy',
  limit,
  async () => {
    const host = await hosts.start({
      functions: {
        trouble: { endpoint: troublesome, deadlineMs: 200 },
        late: { endpoint: troublesome },
        strict: { endpoint: troublesome, deadlineMs: 200, onError: 'session' },
      },
    });
    const session = await hosts.open(host, 'trouble');
    const neighbour = await hosts.open(host, 'trouble');
    for (const what of ['throw', 'reject', 'hang', 'rubbish']) await assert.rejects(session.request(text(what)), what);
    assert.equal(textOf(await session.request(text('nothing'))), 'did nothing');
    assert.equal(textOf(await neighbour.request(text('sleep 100'))), 'did sleep');
    // On a connection that is silent meanwhile nothing else would send it.
    assert.equal(textOf(await (await hosts.open(host, 'late')).request(text('sleep 700'))), 'did sleep');
    const strict = await hosts.open(host, 'strict');
    await strict.request(text('throw')).catch(() => {});
    assert.deepEqual(await closeOf(strict), { code: 83, reason: 'handler-failed' });
    await until(() => host.shards.totals().endpointErrors === 5);
  },
);

test('a reply goes out as fast as it is taken, however long a call may last', limit, async () => {
  const out = { rate: 20_000, burst: 2000 };
  const host = await hosts.start({
    functions: { greet: { endpoint: greeter, deadlineMs: 200, out, receive: { when: 'end' } } },
  });
  const session = await hosts.open(host, 'greet');
  const said = 'x'.repeat(15_000);
  assert.deepEqual(json(await session.request(text(said))).said.join(''), said);
  assert.equal(host.shards.totals().endpointErrors, 0);
});

test('a client defines a function of its own, inside what the operator allows', limit, async () => {
  const host = await hosts.start({
    functions: { greet: { endpoint: greeter } },
    clientFunctions: { most: 2, functions: ['greet'], criteria: ['any', 'bytes', 'messages', 'end'] },
  });
  const session = await hosts.open(host, '');
  const refused = async (definition: Parameters<FunctionSession['define']>[0], code: string) =>
    await assert.rejects(session.define(definition), { code });
  const endpoint = { function: 'greet' };
  await refused({ id: 'a', endpoint: { function: 'sink' } }, 'define-refused');
  await refused({ id: 'a', endpoint, receive: { when: { prefix: 'x' } } }, 'define-refused');
  await refused({ id: 'a', endpoint, receive: { when: { bytes: 1e9 } } }, 'criteria-unmeetable');
  await refused({ id: 'a', endpoint, receive: { nonsense: 1 } }, 'define-refused');
  await refused({ id: 'a', endpoint: { url: 'https://example.com/' } }, 'endpoint-refused');
  await session.define({
    id: 'mine',
    endpoint,
    receive: { when: { all: [{ bytes: 10 }, 'end'] } },
    parameters: { by: 'me' },
  });
  const answer = json(await session.request(text('more than ten bytes')));
  assert.deepEqual([answer.said, answer.parameters], [['more than ten bytes'], { by: 'me' }]);
  await session.define({ id: 'other', endpoint });
  await refused({ id: 'third', endpoint }, 'definitions-exhausted');
  const [detail] = await host.sessions();
  assert.equal(detail.function, 'other');
});

test(
  'more streams at once than the other allows go through the host one after the other, each whole',
  limit,
  async () => {
    const host = await hosts.start({ functions: { pair: { endpoint: 'peer' } } });
    const ann = await hosts.open(host, 'pair?name=many');
    const bob = await hosts.open(host, 'pair?name=many');
    void (async () => {
      for await (const { readable, writable } of bob.transport.incomingBidirectionalStreams) {
        readable.pipeTo(writable).catch(() => {});
      }
    })().catch(() => {});
    const sent = Array.from({ length: 90 }, (_, i) => new Uint8Array(20_000).fill(i));
    const answers = await Promise.all(sent.map((bytes) => ann.request(bytes)));
    assert.deepEqual(answers, sent);
    bob.close();
  },
);

test('who defines a function leaves the one before at the end of the session, and it is told', limit, async () => {
  const host = await hosts.start({
    functions: {
      pair: { endpoint: 'peer' },
      greet: { endpoint: greeter },
      whole: { endpoint: greeter, receive: { when: 'end' } },
    },
    clientFunctions: { most: 2, functions: ['greet'] },
  });
  const ann = await hosts.open(host, 'pair?name=left');
  const bob = await hosts.open(host, 'pair?name=left');
  await ann.define({ id: 'a', endpoint: { function: 'greet' } });
  assert.equal(json(await ann.request(text('now'))).said[0], 'now');
  const heard = ann.datagrams().next();
  const timer = setInterval(() => void bob.sendDatagram(text('still here')), 50);
  assert.equal(textOf((await heard).value as Uint8Array), 'still here', 'what the other sends still comes');
  clearInterval(timer);
  ann.close();
  assert.equal((await closeOf(bob)).code, AppError['peer-left']);
  // What waited in the first function's buffers is given back.
  const session = await hosts.open(host, 'whole');
  const { writable } = await session.transport.createBidirectionalStream();
  await writable.getWriter().write(text('and nothing behind it'));
  await until(() => host.shards.totals().bufferBytes > 0);
  await session.define({ id: 'b', endpoint: { function: 'greet' } });
  session.close();
  await until(() => host.shards.totals().bufferBytes === 0);
});

test('where clients may define nothing, a session without a function is refused', limit, async () => {
  const host = await hosts.start({ functions: { greet: { endpoint: greeter } } });
  await assert.rejects(hosts.open(host, ''));
  await assert.rejects(hosts.open(host, 'unknown'));
  const session = await hosts.open(host, 'greet');
  await assert.rejects(session.define({ id: 'a', endpoint: { function: 'greet' } }), { code: 'define-refused' });
});

test(
  'two sessions of one name are joined: datagrams and streams cross, a third is refused, the end is told',
  limit,
  async () => {
    const host = await hosts.start({ functions: { pair: { endpoint: 'peer' } } });
    const ann = await hosts.open(host, 'pair?name=table');
    // What ann sends before bob is there waits on its stream.
    const early = ann.request(text('early'));
    const bob = await hosts.open(host, 'pair?name=table');
    const incoming = bob.transport.incomingBidirectionalStreams.getReader();
    const answerOne = async (suffix: string) => {
      const { value } = await incoming.read();
      const { readable, writable } = value as WebTransportBidirectionalStream;
      const asked = new Uint8Array(await new Response(readable).arrayBuffer());
      const writer = writable.getWriter();
      await writer.write(text(`${textOf(asked)}${suffix}`));
      await writer.close();
    };
    await answerOne(' bird');
    assert.equal(textOf(await early), 'early bird');
    const large = new Uint8Array(3_000_000).map((_, i) => i % 127);
    const [echoed] = await Promise.all([ann.request(large), answerOne('')]);
    assert.deepEqual(echoed, new TextEncoder().encode(textOf(large)));

    const heard = bob.datagrams().next();
    const timer = setInterval(() => void ann.sendDatagram(text('psst')), 50);
    assert.equal(textOf((await heard).value as Uint8Array), 'psst');
    clearInterval(timer);

    // It is let in and closed at once: the client may hear of the one before the other.
    const refusal = await hosts.open(host, 'pair?name=table').then(
      async (third) => (await closeOf(third)).code,
      ({ code }: SessionError) => AppError[code as AppErrorName],
    );
    assert.equal(refusal, AppError['peer-taken']);
    await assert.rejects(hosts.open(host, 'pair'), { code: 'function-refused' });
    ann.close();
    assert.equal((await closeOf(bob)).code, 96);
    const again = await hosts.open(host, 'pair?name=table');
    assert.ok(again.id !== '', 'the name is free again');
  },
);

const base = { store: 'memory', shards: 1, prediction: { enabled: false } } as const;

test('other functions, modules and identities are taken over while sessions stay', limit, async () => {
  const host = await hosts.start({ ...base, functions: { greet: { endpoint: greeter }, old: { endpoint: greeter } } });
  const session = await hosts.open(host, 'greet');
  const kept = { ...base, port: 0, dataDir: host.config.dataDir };
  await assert.rejects(host.reload({ ...kept, functions: { greet: { endpoint: '/nowhere/f.js' } } }), {
    code: 'TIDEGATE_E_FUNCTION',
  });
  assert.equal(json(await session.request(text('still'))).said[0], 'still', 'what fails changes nothing');
  await hosts.open(host, 'old');
  const restart = await host.reload({ ...kept, drainTimeout: 77, functions: { greet: { endpoint: troublesome } } });
  assert.deepEqual(restart, ['drainTimeout']);
  assert.equal(textOf(await session.request(text('new'))), 'did new', 'from the next message on');
  await assert.rejects(hosts.open(host, 'old'));
});

test('a host that closes says so on the control stream, and lets sessions end', limit, async () => {
  const host = await hosts.start({ functions: { greet: { endpoint: greeter } } });
  const session = await hosts.open(host, 'greet');
  const told = new Promise<number | undefined>((resolve) =>
    session.on('drain', ({ deadlineMs }) => resolve(deadlineMs)),
  );
  const closed = host.close(5);
  assert.equal(await told, 5000);
  assert.equal(json(await session.request(text('last words'))).said[0], 'last words');
  session.close();
  await closed;
});

test('a session that has no tokens left can still speak on its control stream', limit, async () => {
  const policy = { minRateLimit: 1000, minBurst: 1000, maxRateLimit: 1000 };
  const host = await hosts.start({
    functions: { greet: { endpoint: greeter } },
    clientFunctions: { most: 1, functions: ['greet'] },
    policy,
  });
  const session = await hosts.open(host, '');
  void session.request(new Uint8Array(50_000)).catch(() => {});
  await sleep(100);
  await session.define({ id: 'a', endpoint: { function: 'greet' } });
});

test('of reloads that come at once the later one holds, however long the first takes', limit, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-reload-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const slow = join(folder, 'slow.mjs');
  writeFileSync(slow, 'await new Promise((resolve) => setTimeout(resolve, 300));\nexport default {};\n');
  const host = await hosts.start(base);
  const kept = { ...base, port: 0, dataDir: host.config.dataDir };
  await Promise.all([
    host.reload({ ...kept, functions: { slow: { endpoint: slow } } }),
    host.reload({ ...kept, functions: { greet: { endpoint: greeter } } }),
  ]);
  assert.deepEqual(Object.keys(host.config.functions), ['greet']);
  await hosts.open(host, 'greet');
  await assert.rejects(hosts.open(host, 'slow'));
});

test('a definition that is nested without end ends its own session, with a code', limit, async (t) => {
  const host = await hosts.start({
    functions: { greet: { endpoint: greeter } },
    clientFunctions: { most: 1, functions: ['greet'] },
  });
  const other = await hosts.open(host, 'greet');
  const client = await TestClient.create({ hash: host.certificateHash });
  t.after(() => client.close());
  const { session, recorder } = await client.open(`${host.url}/greet`);
  const stream = session.openStream(true);
  assert.ok(stream !== null);
  const when = `${'{"all":['.repeat(4000)}"any"${']}'.repeat(4000)}`;
  const define = `{"type":"define","id":"deep","receive":{"when":${when}},"endpoint":{"function":"greet"}}`;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(define.length);
  let left = Buffer.concat([CONTROL_MAGIC, encodeControl({ type: 'hello', version: 1 }), length, Buffer.from(define)]);
  await until(async () => {
    left = left.subarray(stream.write(left, false));
    client.flush();
    return left.length === 0 || recorder.closed !== null;
  });
  await until(() => recorder.closed !== null);
  assert.equal(recorder.closed?.code, AppError['control-malformed']);
  assert.equal(json(await other.request(text('still there'))).said[0], 'still there');
  assert.equal(host.restarts, 0);
});
