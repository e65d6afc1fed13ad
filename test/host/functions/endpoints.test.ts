import assert from 'node:assert/strict';
import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AddressGuard } from '../../../src/host/functions/endpoints/address-guard.js';
import { ModuleEndpoint } from '../../../src/host/functions/endpoints/module-endpoint.js';
import {
  RemoteEndpoint,
  type RemoteOptions,
  RemoteRules,
  signature,
} from '../../../src/host/functions/endpoints/remote-endpoint.js';
import type { Delivery, FunctionSession } from '../../../src/host/functions/handler.js';

const key = Buffer.alloc(32, 1);
const session = { id: '0-1', client: 'pseudonym', functionId: 'f', sealKey: null } as unknown as FunctionSession;
const bytes = Buffer.from('what came');
const delivery = { kind: 'datagram', bytes, lengths: [4, 5], ended: false, sealed: null } as unknown as Delivery;
const servers: Server[] = [];
const endpoints: RemoteEndpoint[] = [];
after(async () => {
  for (const endpoint of endpoints) await endpoint.destroy();
  for (const server of servers) server.close().closeAllConnections();
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

async function serve(answer: Answer): Promise<string> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    answer(request, response, Buffer.concat(parts));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function endpoint(host: string, options: Partial<RemoteOptions> = {}): RemoteEndpoint {
  const guard = new AddressGuard({ allow: [`http://${host}`], allowRanges: ['127.0.0.1'] });
  const made = new RemoteEndpoint(
    {
      ...{ url: `http://${host}/hook`, timeoutMs: 500, deadlineMs: 10_000, retries: 2, inFlight: 4, queue: 4 },
      ...{ breakAfter: 5, breakMs: 60_000, maxReply: 1000, ...options },
    },
    new RemoteRules(guard, key),
  );
  endpoints.push(made);
  return made;
}

test('a call is a signed POST of what came; the answer is the reply', async () => {
  let seen: { headers: IncomingMessage['headers']; body: Buffer } | null = null;
  const host = await serve(({ headers }, response, body) => {
    seen = { headers, body };
    response.end('the reply');
  });
  const reply = await endpoint(host).data(delivery, session);
  assert.equal(Buffer.from(reply as Uint8Array).toString(), 'the reply');
  const { headers, body } = seen as unknown as { headers: Record<string, string>; body: Buffer };
  assert.deepEqual(body, bytes);
  assert.deepEqual(
    [headers['tidegate-event'], headers['tidegate-function'], headers['tidegate-client'], headers['tidegate-lengths']],
    ['data', 'f', 'pseudonym', '4,5'],
  );
  const { 'tidegate-timestamp': timestamp, 'tidegate-delivery': id } = headers;
  assert.equal(headers['tidegate-signature'], `v1=${signature(key, timestamp, id, body)}`);
  assert.notEqual(signature(key, timestamp, id, Buffer.from('other')), signature(key, timestamp, id, body));
});

test('what fails in passing is tried again under the same number, and an answer without body is no reply', async () => {
  const ids: string[] = [];
  const host = await serve(({ headers }, response) => {
    ids.push(headers['tidegate-delivery'] as string);
    response.statusCode = ids.length < 3 ? 503 : 204;
    response.end();
  });
  assert.equal(await endpoint(host).data(delivery, session), undefined);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
});

test('what does not pass is not tried again: refusals, redirects', async () => {
  for (const status of [400, 404, 302, 307]) {
    let calls = 0;
    const host = await serve((_request, response) => {
      calls++;
      response.writeHead(status, { location: 'http://169.254.169.254/latest' }).end();
    });
    await assert.rejects(endpoint(host).data(delivery, session), { code: 'endpoint-unreachable' });
    assert.equal(calls, 1, `status ${status}`);
  }
});

test('a server that is slow, answers too much or breaks off fails within its bounds', async () => {
  const slow = await serve(() => {});
  const started = performance.now();
  await assert.rejects(endpoint(slow, { timeoutMs: 100, retries: 0 }).data(delivery, session), {
    code: 'endpoint-unreachable',
  });
  assert.ok(performance.now() - started < 5000);
  const much = await serve((_request, response) => response.end(Buffer.alloc(5000)));
  await assert.rejects(endpoint(much).data(delivery, session), { code: 'handler-rubbish' });
  const broken = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 50 }).write('x');
    setTimeout(() => response.destroy(), 10);
  });
  await assert.rejects(endpoint(broken, { retries: 0 }).data(delivery, session), { code: 'endpoint-unreachable' });
});

test('after failures in a row it is left alone, and the calls on the way are bounded', async () => {
  let calls = 0;
  const host = await serve((_request, response) => {
    calls++;
    response.writeHead(500).end();
  });
  const failing = endpoint(host, { retries: 0, breakAfter: 3 });
  for (let i = 0; i < 6; i++) await assert.rejects(failing.data(delivery, { ...session, client: `client ${i}` }));
  assert.deepEqual([calls, failing.isBroken], [3, true]);
  const gone = endpoint('127.0.0.1:1', { retries: 0, breakAfter: 3 });
  for (let i = 0; i < 3; i++) await assert.rejects(gone.data(delivery, session));
  assert.equal(gone.isBroken, true, 'who is not there at all fails whoever calls');

  let inFlight = 0;
  let most = 0;
  const busy = await serve((_request, response) => {
    most = Math.max(most, ++inFlight);
    setTimeout(() => {
      inFlight--;
      response.end();
    }, 50);
  });
  const bounded = endpoint(busy, { inFlight: 2, queue: 3 });
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => bounded.data(delivery, session)));
  assert.equal(most, 2);
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 5);
});

test('closes that find no room, or nobody, are told again until they are heard', async () => {
  const heard = new Set<string>();
  let isUp = true;
  const host = await serve(({ headers }, response) => {
    const status = isUp ? 204 : 500;
    if (isUp) heard.add(headers['tidegate-session'] as string);
    setTimeout(() => response.writeHead(status).end(), 20);
  });
  const reason = { code: 0, reason: '', by: 'peer' } as const;
  const closes = (made: RemoteEndpoint, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) => made.close({ ...session, id: `0-${i}`, client: `client ${i}` }, reason)),
    );
  await closes(endpoint(host, { inFlight: 1, queue: 1 }), 60);
  assert.equal(heard.size, 60);

  heard.clear();
  isUp = false;
  const failing = endpoint(host, { retries: 0, breakAfter: 2, breakMs: 300 });
  const told = closes(failing, 40);
  while (!failing.isBroken) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(heard.size, 0);
  isUp = true;
  await told;
  assert.equal(heard.size, 40);
});

test('a close that is refused is not told again', async () => {
  let calls = 0;
  const host = await serve((_request, response) => {
    calls++;
    response.writeHead(404).end();
  });
  await assert.rejects(endpoint(host).close(session, { code: 0, reason: '', by: 'peer' }), {
    code: 'endpoint-unreachable',
  });
  assert.equal(calls, 1);
});

test('one client at whose messages it fails does not shut it for the others', async () => {
  const host = await serve(({ headers }, response) => {
    response.writeHead(headers['tidegate-client'] === 'poison' ? 500 : 204).end();
  });
  const shared = endpoint(host, { retries: 0, breakAfter: 3 });
  const poison = { ...session, client: 'poison' };
  for (let i = 0; i < 10; i++) await assert.rejects(shared.data(delivery, poison), { message: 'status 500' });
  assert.equal(shared.isBroken, false);
  assert.equal(await shared.data(delivery, session), undefined);
});

test('where no endpoint is to be: names, ranges, and addresses in every notation', () => {
  const guard = new AddressGuard({ allow: ['api.example.com', '*.example.org', '[::1]:8443'], allowRanges: [] });
  const objection = (url: string) => guard.objectionTo(new URL(url));
  assert.equal(objection('https://api.example.com/a'), null);
  assert.equal(objection('https://a.b.example.org/'), null);
  for (const url of [
    'http://api.example.com/',
    'https://api.example.com:444/',
    'https://example.org/',
    'https://evilexample.org/',
    'https://api.example.com.evil.net/',
    'https://user@api.example.com/',
    'ftp://api.example.com/',
    'https://[::1]:8443/',
  ]) {
    assert.notEqual(objection(url), null, url);
  }
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '0.0.0.0',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    '2002:7f00:1::',
  ]) {
    assert.equal(guard.isOpen(address), false, address);
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1', '::ffff:8.8.8.8']) {
    assert.equal(guard.isOpen(address), true, address);
  }
  const opened = new AddressGuard({ allow: [], allowRanges: ['10.0.0.0/8', 'fd00::/8'] });
  assert.deepEqual(
    ['10.1.1.1', 'fd00::1', '127.0.0.1', '::ffff:10.1.1.1'].map((address) => opened.isOpen(address)),
    [true, true, false, true],
  );
});

test('a name that resolves to a private address is refused when it is connected to', async () => {
  const host = await serve((_request, response) => response.end('reached'));
  const port = host.split(':')[1];
  const guard = new AddressGuard({ allow: [`http://localhost:${port}`], allowRanges: [] });
  const options = {
    url: `http://localhost:${port}/`,
    timeoutMs: 500,
    deadlineMs: 1000,
    retries: 2,
    inFlight: 1,
    queue: 1,
  };
  const made = new RemoteEndpoint(
    { ...options, breakAfter: 5, breakMs: 1000, maxReply: 10 },
    new RemoteRules(guard, key),
  );
  endpoints.push(made);
  await assert.rejects(made.data(delivery, session), { code: 'endpoint-refused' });
});

test('where addresses are closed by a reload, connections that there are reach them no more', async () => {
  const host = await serve((_request, response) => response.end('reached'));
  const allow = [`http://localhost:${host.split(':')[1]}`];
  const rules = new RemoteRules(new AddressGuard({ allow, allowRanges: ['127.0.0.1', '::1'] }), key);
  const options = { url: `${allow[0]}/`, timeoutMs: 500, deadlineMs: 1000, retries: 0, inFlight: 1, queue: 1 };
  const made = new RemoteEndpoint({ ...options, breakAfter: 5, breakMs: 1000, maxReply: 10 }, rules);
  endpoints.push(made);
  assert.equal(Buffer.from((await made.data(delivery, session)) as Uint8Array).toString(), 'reached');
  rules.change(new AddressGuard({ allow, allowRanges: [] }), key);
  await assert.rejects(made.data(delivery, session), { code: 'endpoint-refused' });
});

test('a module is loaded anew when it changed, and what is no module is told of', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-module-')), 'f.mjs');
  writeFileSync(file, 'export default { data: () => "first" }');
  const data = async () => (await ModuleEndpoint.load(file)).data(delivery, session);
  assert.equal(await data(), 'first');
  writeFileSync(file, 'export default { data: () => "second" }');
  utimesSync(file, new Date(), new Date(Date.now() + 5000));
  assert.equal(await data(), 'second');
  let i = 0;
  for (const [source, reason] of [
    ['export const data = () => {}', /no default export/],
    ['export default 1', /default export is no object/],
    ['export default class { data() {} }', /default export is no object/],
    ['export default { data: 1 }', /data is no function/],
    ['export default { date() {} }', /date is none of open, data, close/],
    ['export default {', /./],
  ] as const) {
    writeFileSync(file, source);
    utimesSync(file, new Date(), new Date(Date.now() + 10_000 + 1000 * i++));
    await assert.rejects(ModuleEndpoint.load(file), (error: Error & { code: string }) => {
      assert.match(error.message, reason);
      return error.code === 'TIDEGATE_E_FUNCTION';
    });
  }
  await assert.rejects(ModuleEndpoint.load('/nowhere/f.mjs'), { code: 'TIDEGATE_E_FUNCTION' });
});
