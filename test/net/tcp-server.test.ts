import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Capsule, MAX_DATAGRAM } from '../../src/http2/capsule.js';
import { CapsuleFraming } from '../../src/http2/capsule-framing.js';
import type { TcpSession } from '../../src/http2/session.js';
import type { TcpStream } from '../../src/http2/stream.js';
import type { RequestHead } from '../../src/http3/message.js';
import { type SessionClose, SILENT_SESSION } from '../../src/http3/session.js';
import { TcpServer } from '../../src/net/tcp-server.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { until } from '../support/client.js';
import { FramingRecorder, maskedFrame, upgradeRequest } from '../support/framing.js';
import {
  connectSection,
  HTTP2_PREFACE,
  Http2Flag,
  Http2Type,
  http2Frame,
  http2GoAway,
  POST_SECTION,
} from '../support/http2-frames.js';
import { testCertificate } from '../support/quic-pair.js';

const BINARY = 0x82;
let server: TcpServer;
let port: number;
let asked: { session: TcpSession; head: RequestHead; peer: string }[] = [];
let closes: SessionClose[] = [];
let streams: TcpStream[] = [];
let requests = 0;
let mostRequests = Number.POSITIVE_INFINITY;
/** What becomes of a session. */
let answer: (session: TcpSession) => void;

function echo(session: TcpSession): void {
  session.handler = {
    ...SILENT_SESSION,
    onDatagram: (bytes, start, end) => void session.sendDatagramInPlace(bytes, start, end),
    onStream: (stream) => void streams.push(stream as unknown as TcpStream),
    onClosed: (close) => void closes.push(close),
  };
  session.accept();
}

before(async () => {
  server = new TcpServer(
    {
      host: '127.0.0.1',
      port: 0,
      reusePort: false,
      ...(await testCertificate()),
      maxConnections: 100,
      handshakeTimeoutMs: 1000,
      idleTimeoutMs: 60_000,
    },
    {
      onSession: (session, head, peer) => {
        asked.push({ session, head, peer });
        answer(session);
      },
      onRequest: ({ head, respond }) => respond(200, [['x-path', head.path]], Buffer.from('a page')),
      requestLimit: (close) => () => {
        if (++requests <= mostRequests) return true;
        close();
        return false;
      },
      onError: (error) => assert.fail(error),
    },
  );
  port = await server.listen();
});

beforeEach(() => {
  [asked, closes, streams, requests, mostRequests, answer] = [[], [], [], 0, Number.POSITIVE_INFINITY, echo];
});

const clients: { destroy(): void }[] = [];
after(async () => {
  for (const client of clients) client.destroy();
  await server.close(0);
});

function http2(): ClientHttp2Session {
  const client = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

async function ask(client: ClientHttp2Session, headers: Record<string, string> = {}) {
  if (client.connecting) await once(client, 'remoteSettings');
  const stream = client.request({
    ':method': 'CONNECT',
    ':protocol': 'webtransport',
    ':scheme': 'https',
    ':path': '/echo?a=1',
    ...headers,
  });
  stream.on('error', () => {});
  const [response] = (await once(stream, 'response')) as [Record<string, unknown>];
  return { stream, response };
}

async function tls(protocols: string[] = ['http/1.1']): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: protocols });
  socket.on('error', () => {});
  clients.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

/** However it ends. */
function closeOf(what: { once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => what.once('close', resolve));
}

/** All that comes until the other side ends. */
async function rest(socket: TLSSocket | ClientHttp2Stream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function upgrade(path = '/echo', fields: Record<string, string> = {}): Promise<TLSSocket> {
  const socket = await tls();
  socket.write(upgradeRequest(path, fields));
  return socket;
}

/** A WebSocket, and what it hears as text of its bytes. */
async function webSocket(): Promise<{ socket: TLSSocket; heard: Buffer[]; answer: string }> {
  const socket = await upgrade();
  const heard: Buffer[] = [];
  socket.on('data', (bytes) => heard.push(bytes));
  await until(() => Buffer.concat(heard).includes('\r\n\r\n'), 5000, 'the answer');
  const all = Buffer.concat(heard);
  const end = all.indexOf('\r\n\r\n') + 4;
  heard.splice(0, heard.length, all.subarray(end));
  return { socket, heard, answer: all.subarray(0, end).toString() };
}

test('a session over HTTP/2: its address, its echo, its close', async () => {
  const client = http2();
  const { stream, response } = await ask(client, { 'user-agent': 'me', origin: 'https://a' });
  assert.equal(response[':status'], 200);
  const [{ head, peer }] = asked;
  assert.deepEqual([head.path, head.headers['user-agent'], peer], ['/echo?a=1', 'me', '127.0.0.1']);
  assert.equal(client.remoteSettings.customSettings?.[0x2b65], undefined, 'as nobody asked for it');
  const recorder = new FramingRecorder();
  const framing = new CapsuleFraming(recorder);
  stream.on('data', (bytes) => framing.push(bytes));
  stream.write(framing.encode(Capsule.DATAGRAM, [], Buffer.from('ping')));
  await until(() => recorder.found.length > 0, 5000, 'the echo');
  assert.deepEqual(recorder.found, [['capsule', Capsule.DATAGRAM, [...Buffer.from('ping')]]]);
  stream.end();
  await until(() => closes.length > 0, 5000, 'its end');
  assert.deepEqual(closes, [{ code: 0, reason: '', by: 'peer', clean: true }]);
});

test('refusals reach the client with their headers; what is no session is no session', async () => {
  const client = http2();
  answer = (session) => session.reject(503, [['retry-after', '7']]);
  const { response } = await ask(client);
  assert.deepEqual([response[':status'], response['retry-after']], [503, '7']);
  assert.equal((await ask(client, { ':protocol': 'connect-udp' })).response[':status'], 501);
  assert.equal((await ask(client, { ':protocol': 'websocket' })).response[':status'], 501);
  answer = echo;
  for (let i = 0; i < 16; i++) assert.equal((await ask(client)).response[':status'], 200);
  assert.equal((await ask(client)).response[':status'], 429, 'the 17th at once');
  assert.equal(asked.length, 17);
});

test('a client that resets what it asks for, or asks without end, loses its connection', {
  timeout: 20_000,
}, async () => {
  mostRequests = 50;
  for (const ends of ['reset', 'waits']) {
    requests = 0;
    const client = http2();
    await once(client, 'remoteSettings');
    const closed = closeOf(client);
    for (let i = 0; i < 5000 && !client.destroyed; i++) {
      const stream = client.request({
        ':method': 'CONNECT',
        ':protocol': 'webtransport',
        ':scheme': 'https',
        ':path': '/a',
      });
      stream.on('error', () => {});
      if (ends === 'reset') stream.close(8);
    }
    await closed;
    assert.ok(requests < 200, `${requests} requests were looked at`);
  }
});

test('what ends a connection ends no process, whatever is behind it in the same read', {
  timeout: 20_000,
}, async () => {
  mostRequests = 1;
  const requestsOf = (first: number): Buffer[] =>
    Array.from({ length: 40 }, (_, i) => {
      const stream = first + 2 * i;
      return Buffer.concat([
        http2Frame(Http2Type.HEADERS, Http2Flag.END_HEADERS, stream, POST_SECTION),
        http2Frame(Http2Type.DATA, 0, stream, Buffer.from('part')),
        http2Frame(Http2Type.DATA, Http2Flag.END_STREAM, stream, Buffer.from('end')),
      ]);
    });
  // Node itself destroys the first, this server the second. Node 22.23.3 to 22.23.5 ended their process.
  for (const frames of [[http2GoAway(2), ...requestsOf(1)], requestsOf(1)]) {
    const socket = await tls(['h2']);
    socket.write(Buffer.concat([HTTP2_PREFACE, ...frames]));
    socket.resume();
    await closeOf(socket);
  }
  mostRequests = Number.POSITIVE_INFINITY;
  assert.equal((await ask(http2())).response[':status'], 200);
});

test('malformed capsules end their session, and no other', async () => {
  const client = http2();
  const { stream: good } = await ask(client);
  const framing = new CapsuleFraming(new FramingRecorder());
  for (const { bytes, code } of [
    { bytes: framing.encode(Capsule.MAX_DATA, [], Uint8Array.of(0x40)), code: constants.NGHTTP2_PROTOCOL_ERROR },
    {
      bytes: framing.encode(Capsule.STREAM, [4001], new Uint8Array(0)),
      code: constants.NGHTTP2_FLOW_CONTROL_ERROR,
    },
  ]) {
    const { stream } = await ask(client);
    stream.write(bytes);
    await closeOf(stream);
    assert.equal(stream.rstCode, code);
  }
  assert.equal(good.destroyed, false);
  assert.deepEqual(
    closes.map(({ cause }) => cause),
    ['malformed', 'malformed'],
  );
});

test('pages are answered over HTTP/2 and HTTP/1.1', async () => {
  const stream = http2().request({ ':path': '/healthz' });
  const [response] = await once(stream, 'response');
  assert.equal(response['x-path'], '/healthz');
  assert.equal((await rest(stream)).toString(), 'a page');
  const socket = await tls();
  socket.write('GET //healthz HTTP/1.1\r\nhost: a\r\n\r\n');
  const text = (await rest(socket)).toString();
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /\r\nx-path: \/healthz\r\n/);
  assert.match(text, /a page$/);
});

test('a WebSocket: upgrade, what it may do, echo, ping, close', async () => {
  const { socket, heard, answer } = await webSocket();
  assert.match(answer, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(answer, /\r\nSec-WebSocket-Protocol: webtransport_kDraft2\r\n/);
  assert.match(answer, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  const all = (): string => Buffer.concat(heard).toString('latin1');
  await until(() => all().length >= 26, 5000, 'its limits');
  heard.length = 0;
  socket.write(maskedFrame(BINARY, Buffer.concat([encodeVarint(Capsule.DATAGRAM), Buffer.from('ping')])));
  socket.write(maskedFrame(0x89, Buffer.from('!')));
  await until(() => all().length >= 10, 5000, 'the echo');
  assert.equal(all(), '\x82\x05\x00ping\x8a\x01!');
  heard.length = 0;
  socket.write(maskedFrame(0x88, Buffer.from('\x03\xe87:bye', 'latin1')));
  await once(socket, 'end');
  assert.equal(all(), '\x88\x07\x03\xe87:bye');
  assert.deepEqual(closes, [{ code: 7, reason: 'bye', by: 'peer', clean: true }]);
});

test('a WebSocket over HTTP/2 (RFC 8441)', async () => {
  const { stream, response } = await ask(http2(), {
    ':protocol': 'websocket',
    'sec-websocket-protocol': 'webtransport_kDraft1',
  });
  assert.equal(response['sec-websocket-protocol'], 'webtransport_kDraft1');
  const heard: Buffer[] = [];
  stream.on('data', (bytes) => heard.push(bytes));
  stream.write(maskedFrame(BINARY, Buffer.from([0, 104, 105])));
  await until(() => Buffer.concat(heard).includes(Buffer.from([0x82, 3, 0, 104, 105])), 5000, 'the echo');
  stream.destroy();
});

test('upgrades that are none of ours are refused, and sessions that are', async () => {
  const refused = async (fields: Record<string, string>): Promise<string> =>
    (await rest(await upgrade('/a', fields))).toString();
  assert.match(await refused({ 'sec-websocket-protocol': 'chat' }), /^HTTP\/1\.1 400 /);
  assert.match(await refused({ upgrade: 'h2c' }), /^HTTP\/1\.1 400 /);
  // Node 26 gives its socket another to read of.
  assert.match(await refused({ 'content-length': '10' }), /^HTTP\/1\.1 400 /);
  assert.match(await refused({ 'transfer-encoding': 'chunked' }), /^HTTP\/1\.1 400 /);
  answer = (session) => session.reject(404, []);
  assert.match(await refused({}), /^HTTP\/1\.1 404 Not Found\r\n/);
});

test('WebSocket frames that lie end their connection with a code (RFC 6455 section 7.4.1)', {
  timeout: 20_000,
}, async () => {
  const lie = Buffer.alloc(20 + MAX_DATAGRAM);
  lie[0] = BINARY;
  lie[1] = 0xff;
  lie.writeBigUInt64BE(0xfffffff2n, 2);
  for (const { bytes, code } of [
    { bytes: lie, code: 1009 },
    { bytes: maskedFrame(0x81, Buffer.from('text')), code: 1003 },
    { bytes: Uint8Array.of(0x82, 0), code: 1002 },
    { bytes: maskedFrame(BINARY, Buffer.concat([encodeVarint(Capsule.STREAM), encodeVarint(4001)])), code: 1008 },
  ]) {
    const { socket, heard } = await webSocket();
    socket.write(bytes);
    await closeOf(socket);
    const all = Buffer.concat(heard);
    assert.ok(all.includes(Buffer.from([code >> 8, code & 0xff])), `${code} in ${all.toString('hex')}`);
  }
});

test('what is unread is counted, and those that hold most give way', async () => {
  const framing = new CapsuleFraming(new FramingRecorder());
  const sizes = [1000, 5000, 3000];
  for (const size of sizes) {
    const { stream } = await ask(http2());
    stream.resume();
    stream.write(framing.encode(Capsule.STREAM, [3], new Uint8Array(size)));
  }
  await until(() => server.unread >= 9000, 5000, 'their bytes');
  assert.equal(server.unread, 9000);
  assert.equal(server.boundUnread(4000), 1);
  assert.deepEqual(
    closes.map(({ reason }) => reason),
    ['holds more unread than there is room for'],
  );
  await until(() => server.unread === 4000, 5000, 'its end');
});

test('where all places are taken the network with most of them makes room, and else nobody gets in', async () => {
  const own = new TcpServer({ ...server.options, maxConnections: 20 }, server.hooks);
  const ownPort = await own.listen();
  const from = async (localAddress: string): Promise<TLSSocket> => {
    const below = connectTcp({ port: ownPort, host: '127.0.0.1', localAddress });
    const socket = connectTls({ socket: below, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    // One that does not read sees no end.
    socket.resume();
    socket.on('error', () => {});
    clients.push(socket);
    await Promise.race([once(socket, 'secureConnect').catch(() => {}), closeOf(socket)]);
    return socket;
  };
  const many: TLSSocket[] = [];
  for (let i = 0; i < 20; i++) many.push(await from('127.0.0.1'));
  const [last] = many.slice(-1);
  assert.equal((await from('127.0.0.2')).destroyed, true, 'of the same network');
  assert.deepEqual([own.places.refused, own.places.evicted], [1, 0]);
  assert.equal((await from('127.1.0.1')).destroyed, false, 'of another');
  assert.deepEqual([own.places.refused, own.places.evicted], [1, 1]);
  if (!last.destroyed) await closeOf(last);
  assert.deepEqual(
    many.map(({ destroyed }) => destroyed),
    many.map((one) => one === last),
  );
  await own.close(0);
});

test('connections that never come to a request end with the handshake timeout', { timeout: 10_000 }, async () => {
  const silent = connectTcp(port, '127.0.0.1');
  silent.resume();
  clients.push(silent);
  const handshaken = await tls();
  handshaken.resume();
  const slow = await tls();
  slow.resume();
  // A byte now and then is no request.
  const timer = setInterval(() => slow.write('G'), 100);
  await Promise.all([silent, handshaken, slow].map(closeOf));
  clearInterval(timer);
});

test('HTTP/2: frames of a byte are read in many turns of the loop, and others get between', async () => {
  const count = 30_000;
  const turns: number[] = [];
  let datagrams = 0;
  answer = (session) => {
    session.handler = { ...SILENT_SESSION, onDatagram: () => datagrams++ };
    session.accept();
  };
  const socket = await tls(['h2']);
  const section = connectSection('/echo');
  socket.write(Buffer.concat([HTTP2_PREFACE, http2Frame(Http2Type.HEADERS, Http2Flag.END_HEADERS, 1, section)]));
  await once(socket, 'data');
  socket.resume();
  const frames = [Capsule.DATAGRAM, 1, 65].map((byte) => http2Frame(Http2Type.DATA, 0, 1, Uint8Array.of(byte)));
  socket.write(Buffer.concat(Array.from({ length: count }, () => frames).flat()));
  for (let sum = 0; sum < count; sum += turns.at(-1) ?? 0) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push(datagrams);
    datagrams = 0;
  }
  // Some hundreds in a millisecond and the piece that it ends in; Node alone reads 5,000 here, and more from other processes.
  assert.ok(Math.max(...turns) < 3000, `${turns.filter((most) => most > 0)}`);
});

test('a port that another has is a clear error', async () => {
  const options = { ...server.options, port };
  const second = new TcpServer(options, server.hooks);
  await assert.rejects(second.listen(), { code: 'TIDEGATE_E_LISTEN', message: /EADDRINUSE/ });
  await second.close(0);
});

test('who retires takes nobody new; a drain asks all to wind up; a close lets them', async () => {
  const own = new TcpServer(server.options, server.hooks);
  const ownPort = await own.listen();
  const client = connectHttp2(`https://127.0.0.1:${ownPort}`, { rejectUnauthorized: false });
  clients.push(client);
  const { stream } = await ask(client);
  const recorder = new FramingRecorder();
  const framing = new CapsuleFraming(recorder);
  stream.on('data', (bytes) => framing.push(bytes));
  const goaway = once(client, 'goaway');
  own.retire();
  await assert.rejects(once(connectTcp(ownPort, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  own.drain();
  await goaway;
  await until(() => recorder.found.length > 0, 5000, 'the capsule');
  assert.deepEqual(recorder.found, [['capsule', Capsule.DRAIN_SESSION, []]]);
  const closed = closeOf(client);
  await own.close(50);
  await closed;
});
