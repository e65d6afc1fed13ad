import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type { SocketHost } from '../../src/host/socket-host.js';
import { sleep, until } from '../support/client.js';
import { FunctionHosts, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
const servers: Server[] = [];
after(async () => {
  await hosts.dispose();
  for (const server of servers) server.close().closeAllConnections();
});

const limit = { timeout: 60_000 };

/** An endpoint of its own process, which takes its time, and what it has been told, in the order in which it was done. */
class Hook {
  readonly told: string[] = [];
  readonly sessions: string[] = [];
  readonly deliveries: string[] = [];
  /** What it was asked and has not answered. */
  underWay = 0;
  readonly slow: Record<string, number> = {};
  place = '';

  static async serve(slow: Record<string, number> = {}): Promise<Hook> {
    const hook = new Hook();
    Object.assign(hook.slow, slow);
    const server = createServer(async (request, response) => {
      const event = request.headers['tidegate-event'] as string;
      let body = '';
      for await (const part of request) body += part;
      hook.underWay++;
      await sleep(hook.slow[event] ?? 0);
      hook.underWay--;
      hook.told.push(`${event} ${body}`);
      hook.sessions.push(request.headers['tidegate-session'] as string);
      hook.deliveries.push(request.headers['tidegate-delivery'] as string);
      response.end(event === 'data' ? `got ${body}` : '');
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    hook.place = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return hook;
  }

  get url(): string {
    return `http://${this.place}/hook`;
  }

  get allowed(): { allow: string[]; allowRanges: string[] } {
    return { allow: [`http://${this.place}`], allowRanges: ['127.0.0.1'] };
  }
}

/** A host with one function, of that endpoint. */
async function hostOf(hook: Hook, more: object = {}): Promise<SocketHost> {
  return await hosts.start({ functions: { remote: { endpoint: hook.url, ...more } }, endpoints: hook.allowed });
}

const closed = 'close {"code":7,"reason":"bye","by":"peer"}';

test('it gets what met the criteria, signed, and what it answers is the reply', limit, async () => {
  const hook = await Hook.serve();
  const host = await hostOf(hook, { receive: { when: 'end' } });
  const session = await hosts.open(host, 'remote');
  assert.equal(textOf(await session.request(text('hello'))), 'got hello');
  session.close(7, 'bye');
  await until(() => hook.told.length === 3);
  assert.deepEqual(hook.told, ['open ', 'data hello', closed]);
});

test('two hosts tell it of their sessions by IDs that none of the other has', limit, async () => {
  const hook = await Hook.serve();
  const [one, other] = [await hostOf(hook), await hostOf(hook)];
  const session = await hosts.open(one, 'remote');
  await hosts.open(other, 'remote');
  await until(() => hook.told.length === 2);
  const [first, second] = hook.sessions;
  const [name, otherName] = [first, second].map((id) => id.replace(/-\w+$/, ''));
  assert.equal(name, otherName, 'within their hosts they are the same');
  assert.notEqual(first, second);
  assert.equal(first, session.id);
  for (const known of [first, name]) assert.equal((await one.session(known))?.function, 'remote');
  for (const unknown of ['', '0', '0-x', `${name}-`, '1-1']) assert.equal(await one.session(unknown), null, unknown);
});

test('the close is the last that it hears, however long it takes over what was before', limit, async () => {
  const hook = await Hook.serve({ open: 300 });
  const host = await hostOf(hook);
  const early = await hosts.open(host, 'remote');
  await until(() => hook.underWay === 1);
  early.close(7, 'bye');
  await until(() => hook.told.length === 2);
  assert.deepEqual(hook.told, ['open ', closed]);

  hook.told.length = 0;
  hook.slow.open = 0;
  hook.slow.data = 300;
  const session = await hosts.open(host, 'remote');
  void session.request(text('slowly')).catch(() => {});
  await until(() => hook.told.length === 1 && hook.underWay === 1);
  session.close(7, 'bye');
  await until(() => hook.told.length === 3);
  assert.deepEqual(hook.told, ['open ', 'data slowly', closed]);
});

test('where a shard dies the next tells it of the ends of its sessions', limit, async () => {
  const hook = await Hook.serve();
  const shardWorker = new URL('../support/faulty-shard.js', import.meta.url).href;
  const host = await hosts.start(
    {
      functions: { remote: { endpoint: hook.url } },
      endpoints: hook.allowed,
      clientFunctions: { most: 1, endpoints: true },
    },
    { shardWorker },
  );
  const [session, over, own] = [
    await hosts.open(host, 'remote'),
    await hosts.open(host, 'remote'),
    await hosts.open(host, 'echo'),
  ];
  await own.define({ id: 'own', endpoint: { url: `${hook.url}/of-a-client` } });
  over.close(7, 'bye');
  await until(() => hook.told.includes(closed) && hook.told.filter((each) => each === 'open ').length === 3);
  hook.told.length = 0;
  hook.sessions.length = 0;
  const fatal = await hosts.open(host, 'die');
  fatal.sendDatagram(new Uint8Array(1)).catch(() => {});
  await until(() => hook.told.length === 2, 20_000);
  assert.deepEqual(new Set(hook.told), new Set(['close {"code":0,"reason":"its shard ended","by":"connection"}']));
  assert.deepEqual(new Set(hook.sessions), new Set([session.id, own.id]), 'each once, of those that were open');
  assert.deepEqual(new Set(hook.deliveries.slice(-2)), new Set([`${session.id}-close-remote`, `${own.id}-close-own`]));
  assert.equal(host.restarts, 1);
});

test('a host that closes waits until it has heard of the ends', limit, async () => {
  const hook = await Hook.serve({ close: 300 });
  const host = await hostOf(hook);
  const session = await hosts.open(host, 'remote');
  await until(() => hook.told.length === 1);
  const ended = hosts.open(host, 'remote');
  (await ended).close(7, 'bye');
  await until(() => hook.underWay === 1);
  await host.close(0);
  await session.transport.closed.catch(() => {});
  assert.deepEqual(hook.told.map((each) => each.split(' ')[0]).sort(), ['close', 'close', 'open', 'open']);
});

test('who does not read its answer keeps nobody waiting when the host ends its session', limit, async () => {
  const hook = await Hook.serve();
  const host = await hostOf(hook, { receive: { when: 'end' }, out: { rate: 10, burst: 20 } });
  const undone: string[] = [];
  host.on('log', (_level, message) => undone.push(message));
  const session = await hosts.open(host, 'remote');
  void session.request(text('x'.repeat(5000))).catch(() => {});
  await until(() => hook.told.length === 2);
  await sleep(50);
  await host.close(0);
  await until(() => hook.told.length === 3);
  assert.deepEqual(undone, []);
});

test('a reload leaves calls and the endpoints of clients, and closes addresses at once', limit, async () => {
  const [hook, other] = [await Hook.serve({ data: 300 }), await Hook.serve()];
  const allow = [...hook.allowed.allow, ...other.allowed.allow];
  const endpoints = { allow, allowRanges: ['127.0.0.1'] };
  const config = {
    ...{ store: 'memory', shards: 1, prediction: { enabled: false } },
    ...{ functions: { remote: { endpoint: hook.url } }, endpoints, clientFunctions: { most: 1, endpoints: true } },
  } as const;
  const host = await hosts.start(config);
  const session = await hosts.open(host, 'remote');
  const own = await hosts.open(host, '');
  await own.define({ id: 'mine', endpoint: { url: other.url } });
  assert.equal(textOf(await own.request(text('before'))), 'got before');
  const underWay = session.request(text('under way'));
  await until(() => hook.underWay === 1);
  const kept = { ...config, port: 0, dataDir: host.config.dataDir };
  const functions = { remote: { endpoint: hook.url, remote: { timeoutMs: 4000 } } };
  await host.reload({ ...kept, functions });
  assert.equal(textOf(await own.request(text('after'))), 'got after');
  assert.equal(textOf(await underWay), 'got under way');
  assert.equal(textOf(await session.request(text('then'))), 'got then');

  await host.reload({ ...kept, functions, endpoints: { ...endpoints, allow: hook.allowed.allow } });
  await assert.rejects(own.request(text('closed')));
  assert.ok(!other.told.some((each) => each.includes('closed')));
});
