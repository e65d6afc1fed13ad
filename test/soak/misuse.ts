/**
 * `npm run soak -- misuse [--seconds N] [--clients N] [--tcp SHARE]`: a host whose clients, over QUIC and TCP, use all kinds of
 * functions at once and end streams and sessions in all ways, while its configuration is loaded again and again, and its remote
 * endpoint is slow and fails. Exits with 1 where a request has no answer and no error, an endpoint hears of an open and of no close,
 * something is left of sessions that are over, or the log has an error.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { loadFallback } from '../../src/client/fallback.js';
import type { FunctionSession } from '../../src/client/index.js';
import { sleep, until } from '../support/client.js';
import { openFunction } from '../support/function-client.js';
import { moduleOf, text } from '../support/function-host.js';
import { HostProcess } from '../support/host-process.js';
import { nodeForShards } from '../support/many-shards.js';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== 'misuse'),
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '30' },
    tcp: { type: 'string', default: '0.4' },
  },
});
/** Longer than the deadline of a call, in which one that is not answered fails. */
const PATIENCE_MS = 12_000;
/** Nobody may be there who answers. */
const PEER_PATIENCE_MS = 1500;
const KINDS = ['echo', 'greet', 'trouble', 'pair', 'remote', 'define', 'define-remote'] as const;
type Kind = (typeof KINDS)[number];

const below = (most: number): number => Math.floor(Math.random() * most);
const pick = <T>(of: readonly T[]): T => of[below(of.length)];
const counts = new Map<string, number>();
const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
const problems: string[] = [];
process.on('unhandledRejection', (error) => problems.push(`nobody handled ${error}`));

/** What the remote endpoint was told of each session. */
const told = new Map<string, Set<string>>();
const endpoint = createServer(async (request, response) => {
  for await (const _ of request);
  await sleep(below(30));
  if (Math.random() < 0.05) {
    response.writeHead(500).end();
    return;
  }
  const { 'tidegate-event': event, 'tidegate-session': session } = request.headers as Record<string, string>;
  const events = told.get(session) ?? new Set();
  if (events.has('close')) problems.push(`${event} after the close of ${session}`);
  told.set(session, events.add(event));
  response.end(event === 'data' ? 'an answer' : '');
});
await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
const place = `127.0.0.1:${(endpoint.address() as AddressInfo).port}`;

const remote = { endpoint: `http://${place}/hook`, receive: { when: 'end' } } as const;
const host = await HostProcess.configured(
  {
    ...{ shards: nodeForShards === undefined ? 1 : 3, tick: 0.2 },
    functions: {
      greet: { endpoint: moduleOf('greeter') },
      trouble: { endpoint: moduleOf('troublesome'), deadlineMs: 300 },
      ...{ pair: { endpoint: 'peer' }, remote },
    },
    endpoints: { allow: [`http://${place}`], allowRanges: ['127.0.0.1'] },
    clientFunctions: { most: 3, endpoints: true, functions: ['greet'] },
  },
  nodeForShards === undefined ? {} : { node: nodeForShards },
);
const overTcp = await loadFallback();

async function open(kind: Kind): Promise<FunctionSession> {
  const path = kind === 'pair' ? `pair?name=${below(15)}` : kind.startsWith('define') ? '' : kind;
  return await openFunction(host, path, Math.random() < Number(values.tcp) ? { webTransport: overTcp } : {});
}

async function prepare(session: FunctionSession, kind: Kind): Promise<void> {
  if (kind === 'define') await session.define({ id: 'a', endpoint: { function: 'greet' } });
  if (kind === 'define-remote') {
    const url = `http://${place}/hook?${below(30)}`;
    await session.define({ id: 'a', endpoint: { url }, receive: { when: 'end' } });
  }
  if (kind !== 'pair') return;
  void (async () => {
    for await (const { readable, writable } of session.transport.incomingBidirectionalStreams) {
      readable.pipeTo(writable).catch(() => {});
    }
  })().catch(() => {});
}

async function ask(session: FunctionSession, kind: Kind): Promise<void> {
  const what =
    kind === 'trouble' ? pick(['sleep 10', 'throw', 'hang', 'rubbish', 'close', 'fine']) : 'x'.repeat(below(20_000));
  const answer = session.request(text(what)).then(
    () => 'answered',
    () => 'refused',
  );
  const outcome = await Promise.race([
    answer,
    sleep(kind === 'pair' ? PEER_PATIENCE_MS : PATIENCE_MS).then(() => 'lost'),
  ]);
  count(`${kind} ${outcome}`);
  if (outcome === 'lost' && kind !== 'pair') problems.push(`a request of ${kind} was never answered`);
}

/** A stream that is not ended as it should be. */
async function misuse(session: FunctionSession): Promise<void> {
  const { readable, writable } = await session.transport.createBidirectionalStream();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  writer.write(new Uint8Array(1 + below(50_000))).catch(() => {});
  if (Math.random() < 0.5) writer.abort(3).catch(() => {});
  if (Math.random() < 0.5) readable.cancel(4).catch(() => {});
}

async function visit(): Promise<void> {
  const kind = pick(KINDS);
  let session: FunctionSession | null = null;
  try {
    session = await open(kind);
    await prepare(session, kind);
    for (let i = 1 + below(20); i > 0; i--) {
      const { length } = Array.from({ length: 1 + below(5) });
      await Promise.all(Array.from({ length }, () => ask(session as FunctionSession, kind)));
      if (Math.random() < 0.3) session.sendDatagram(text('a datagram')).catch(() => {});
      if (Math.random() < 0.1) await Promise.race([misuse(session), sleep(3000)]);
    }
  } catch {
    // Some functions end their sessions, and some peers.
    count(`${kind} ended`);
  }
  session?.close(below(3), 'done');
}

const end = Date.now() + Number(values.seconds) * 1000;
const clients = Array.from({ length: Number(values.clients) }, async () => {
  while (Date.now() < end) {
    await visit();
    await sleep(below(100));
  }
});
const reloads = setInterval(() => host.child.kill('SIGHUP'), 4000);
await Promise.all(clients);
clearInterval(reloads);
for (const name of ['tidegate_sessions', 'tidegate_buffer_bytes', 'tidegate_connections']) {
  await until(async () => (await host.metric(name)) === 0, 40_000, `${name} to be 0`).catch((error: Error) =>
    problems.push(error.message),
  );
}
if ((await host.metric('tidegate_shard_restarts_total')) > 0) problems.push('a shard ended');
for (const [session, events] of told) {
  if (events.has('open') && !events.has('close')) problems.push(`no close of ${session} was heard of`);
}
if ((await host.stop()) !== 0) problems.push('the host did not end well');
for (const line of host.stderr.split('\n')) if (/"level":(50|60)|^ +at /.test(line)) problems.push(line);
endpoint.close().closeAllConnections();
await host.dispose();
for (const [what, times] of [...counts].sort()) console.log(`${what}: ${times}`);
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);
