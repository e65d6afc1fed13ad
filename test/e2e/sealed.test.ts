import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FunctionSession, SealPins } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { sealIdentities } from '../../src/host/keys.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { sleep, until } from '../support/client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

const greeter = moduleOf('greeter');
const limit = { timeout: 60_000 };

interface Answer {
  said: string[];
  sealedTo: string | null;
}

const sealedFunction: HostConfigInput = { functions: { sealed: { endpoint: greeter, seal: { from: 0 } } } };

const pinsOf = async ({ config }: SocketHost): Promise<SealPins> => ({
  hosts: await sealIdentities(join(config.dataDir, 'keys.json')),
});

/** What it answers to a message, which may have come in pieces. */
async function ask(session: FunctionSession, message: string): Promise<Answer> {
  const answers = textOf(await session.request(text(message)))
    .split(/(?<=\})(?=\{)/)
    .map((each): Answer => JSON.parse(each));
  return { said: [answers.flatMap(({ said }) => said).join('')], sealedTo: answers[0].sealedTo };
}

async function plainAnswer(session: FunctionSession, message: string): Promise<string> {
  const { readable, writable } = await session.transport.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(text(message));
  await writer.close();
  return await new Response(readable).text();
}

test('all is sealed from the first message on where a function says so', limit, async () => {
  const host = await hosts.start(sealedFunction);
  await assert.rejects(hosts.open(host, 'sealed'), { code: 'seal-required' });
  const session = await hosts.open(host, 'sealed', { pins: await pinsOf(host), sealed: true });
  assert.equal(session.isSealed, true);
  assert.deepEqual(await ask(session, 'secret').then(({ said, sealedTo }) => [said, sealedTo]), [['secret'], 'host']);
  const long = 'long '.repeat(40_000);
  assert.deepEqual((await ask(session, long)).said, [long]);
  const heard = session.datagrams().next();
  await session.sendDatagram(text('psst'));
  assert.deepEqual(JSON.parse(textOf((await heard).value as Uint8Array)).said, ['psst']);
});

test('what the host says on a stream of its own is sealed, and read', limit, async () => {
  const troublesome = moduleOf('troublesome');
  const host = await hosts.start({
    functions: { plain: { endpoint: troublesome }, sealed: { endpoint: troublesome, seal: { from: 0 } } },
  });
  for (const path of ['plain', 'sealed']) {
    const session = await hosts.open(host, path, { pins: await pinsOf(host) });
    await session.request(text('tell'));
    const { value } = await session.transport.incomingUnidirectionalStreams.getReader().read();
    assert.equal(textOf(await session.read(value as ReadableStream<Uint8Array>)), 'told twice', path);
  }
});

test('where all has to be sealed what is plain is refused from the first on', limit, async () => {
  const host = await hosts.start({ ...sealedFunction, tick: 0.1 });
  const session = await hosts.open(host, 'sealed', { pins: await pinsOf(host) });
  await assert.rejects(plainAnswer(session, 'not sealed at all'));
  const writer = session.transport.datagrams.writable.getWriter();
  await writer.write(text('nor is this one'));
  await until(async () => (await host.sessions())[0].counts.malformed === 2);
  assert.deepEqual((await ask(session, 'as it should be')).said, ['as it should be']);
});

test('a client whose pins know nothing of the host leaves rather than seal to somebody', limit, async () => {
  const host = await hosts.start(sealedFunction);
  for (const pin of ['A'.repeat(43), 'no key at all']) {
    await assert.rejects(hosts.open(host, 'sealed', { pins: { hosts: [pin] } }), { code: 'unsealed' });
  }
  await until(async () => (await host.sessions()).length === 0);
});

test('a client that wants all to be sealed takes no function that does not', limit, async () => {
  const host = await hosts.start({ functions: { greet: { endpoint: greeter } } });
  await assert.rejects(hosts.open(host, 'greet', { pins: await pinsOf(host), sealed: true }), { code: 'unsealed' });
  assert.equal((await hosts.open(host, 'greet', { pins: await pinsOf(host) })).isSealed, false);
});

test('a function that a client defines is sealed where the one that it names is', limit, async () => {
  const host = await hosts.start({
    functions: { ...sealedFunction.functions, greet: { endpoint: greeter } },
    clientFunctions: { most: 3, functions: ['sealed', 'greet'] },
  });
  const definition = { id: 'mine', endpoint: { function: 'sealed' } };
  const plain = await hosts.open(host, 'greet');
  await assert.rejects(plain.define(definition), { code: 'seal-required' });
  assert.equal((await ask(plain, 'still here')).sealedTo, null);
  for (const path of ['greet', '']) {
    const session = await hosts.open(host, path, { pins: await pinsOf(host) });
    await session.define(definition);
    assert.equal(session.isSealed, true);
    assert.equal((await ask(session, 'secret')).sealedTo, 'host');
    await assert.rejects(plainAnswer(session, 'not sealed at all'));
    await session.define({ id: 'other', endpoint: { function: 'greet' } });
    assert.equal((await ask(session, 'secret too')).sealedTo, 'host', 'what is sealed stays sealed');
  }
});

test('a client that does not answer gets no function of sealed messages', limit, async () => {
  const host = await hosts.start({
    functions: { ...sealedFunction.functions, greet: { endpoint: greeter } },
    clientFunctions: { most: 3, functions: ['sealed'] },
    security: { challengeSeconds: 0.3 },
    tick: 0.1,
  });
  const session = await hosts.open(host, 'greet', { pins: await pinsOf(host) });
  const { channel } = session;
  const { send } = channel;
  channel.send = (message) => {
    if (message.type !== 'sealed') send.call(channel, message);
  };
  await assert.rejects(session.define({ id: 'mine', endpoint: { function: 'sealed' } }), { code: 'seal-late' });
  assert.equal((await ask(session, 'still here')).sealedTo, null);
});

test('messages under way when a level demands seals are all answered, plain or sealed', limit, async () => {
  const host = await hosts.start({
    tick: 0.1,
    functions: { greet: { endpoint: greeter, seal: { from: 1 } } },
    security: { halfLife: 20, hold: 0.3, challengeSeconds: 5, workBits: 8 },
  });
  const session = await hosts.open(host, 'greet', { pins: await pinsOf(host) });
  const sent: string[] = [];
  const answered: string[] = [];
  void (async () => {
    for await (const datagram of session.datagrams()) answered.push(...JSON.parse(textOf(datagram)).said);
  })().catch(() => {});
  const seals = new Set<string | null>();
  const until2s = performance.now() + 3000;
  const isGoingOn = () => performance.now() < until2s;
  const asking = Array.from({ length: 3 }, async () => {
    while (isGoingOn()) {
      const { said, sealedTo } = await ask(session, 'over and over');
      assert.deepEqual(said, ['over and over']);
      seals.add(sealedTo);
    }
  });
  const datagrams = (async () => {
    while (isGoingOn()) {
      const message = `d${sent.length}`;
      sent.push(message);
      await session.sendDatagram(text(message));
      await sleep(5);
    }
  })();
  await sleep(300);
  assert.equal(session.isSealed, false);
  for (let i = 0; i < 5; i++) {
    await session.define({ id: `x${i}`, endpoint: { function: 'nothing' } }).catch(() => {});
  }
  await until(() => session.isSealed);
  await Promise.all([...asking, datagrams]);
  await until(() => answered.length === sent.length);
  assert.deepEqual(new Set(answered), new Set(sent));
  assert.ok(seals.has('host'));
  assert.deepEqual((await host.sessions())[0].counts.malformed, 0);
});
