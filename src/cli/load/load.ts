import { NodeClient } from '../../client/node-client.js';
import { clientOptions, type LoadOptions } from './load-options.js';
import { describe, LoadReport, type LoadResult } from './load-report.js';
import { LoadSession } from './load-session.js';
import { type ReplayFlow, readReplay } from './replay-file.js';

/** Handshakes that this side has in flight at once. */
const OPENING = 32;
const SOCKETS = 8;
/** What stragglers get, ms. */
const GRACE = 500;
/** A closed loop whose messages were all lost starts again, ms. */
const STALL = 200;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Runs `tidegate load`: prints as it goes and returns what it found. */
export async function load(
  url: string,
  options: LoadOptions,
  print = (line: string) => console.log(line),
): Promise<LoadResult> {
  const flows = options.replay === undefined ? null : await readReplay(options.replay, options.limit);
  const clients = await LoadClients.create(url, options);
  const report = new LoadReport();
  const expectsEcho = new URL(url).pathname.startsWith('/echo');
  const live = setInterval(() => {
    const { messagesPerSecond, lost, latency, sessions } = report.result(expectsEcho);
    const line = options.json
      ? JSON.stringify({ live: true, sessions, messagesPerSecond, lost, latency })
      : `${sessions} sessions  ${messagesPerSecond}/s  p99 ${latency.p99.toFixed(2)} ms`;
    print(line);
  }, 1000);
  try {
    if (flows === null) await steady(clients, url, options, report);
    else await replay(clients, url, options, report, flows);
  } finally {
    clearInterval(live);
    await clients.close();
  }
  const result = report.result(expectsEcho);
  print(options.json ? JSON.stringify(result) : describe(result));
  return result;
}

/** The sockets of a run. Several, as hosts with several shards spread clients by their address. */
class LoadClients {
  #at = 0;

  private constructor(readonly clients: NodeClient[]) {}

  static async create(url: string, options: LoadOptions): Promise<LoadClients> {
    const forAll = await clientOptions(url, options);
    const create = (): Promise<NodeClient> => NodeClient.create(forAll);
    return new LoadClients(await Promise.all(Array.from({ length: Math.min(SOCKETS, options.sessions) }, create)));
  }

  next(): NodeClient {
    return this.clients[this.#at++ % this.clients.length];
  }

  flush(): void {
    for (const client of this.clients) client.driver.scheduleFlush();
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}

async function open(clients: LoadClients, url: string, report: LoadReport, size: number): Promise<LoadSession | null> {
  const session = new LoadSession(report, size);
  try {
    const opened = await clients.next().connect(url, session);
    session.session = opened.session;
    report.sessions++;
    return session;
  } catch (error) {
    report.failedSessions++;
    // All of them fail alike where the first does: better said at once.
    if (report.sessions === 0 && report.failedSessions === 1) throw error;
    return null;
  }
}

async function openAll(
  clients: LoadClients,
  url: string,
  options: LoadOptions,
  report: LoadReport,
): Promise<LoadSession[]> {
  const sessions: LoadSession[] = [];
  let left = options.sessions;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const session = await open(clients, url, report, options.size);
      if (session !== null) sessions.push(session);
    }
  };
  await Promise.all(Array.from({ length: Math.min(OPENING, options.sessions) }, worker));
  return sessions;
}

async function steady(clients: LoadClients, url: string, options: LoadOptions, report: LoadReport): Promise<void> {
  const sessions = await openAll(clients, url, options, report);
  const send = (session: LoadSession): void =>
    options.kind === 'datagrams' ? session.sendDatagram() : session.sendStream();
  report.startedAt = performance.now();
  const until = report.startedAt + options.duration * 1000;
  if (options.rate > 0) await paced(clients, sessions, send, options.rate, until);
  else await closedLoop(clients, sessions, send, until, report, options.window);
  const wait = performance.now() + GRACE;
  while (report.received < report.sent && performance.now() < wait) await sleep(10);
  for (const { session } of sessions) session?.close();
  await sleep(20);
}

/** `rate` messages a second from each session, spread over time. */
async function paced(
  clients: LoadClients,
  sessions: LoadSession[],
  send: (session: LoadSession) => void,
  rate: number,
  until: number,
): Promise<void> {
  const startedAt = performance.now();
  const perMs = (rate * sessions.length) / 1000;
  let sent = 0;
  while (performance.now() < until) {
    const due = Math.floor((performance.now() - startedAt) * perMs);
    for (; sent < due; sent++) send(sessions[sent % sessions.length]);
    clients.flush();
    await sleep(1);
  }
}

async function closedLoop(
  clients: LoadClients,
  sessions: LoadSession[],
  send: (session: LoadSession) => void,
  until: number,
  report: LoadReport,
  window: number,
): Promise<void> {
  for (const session of sessions) {
    session.onBack = () => {
      if (performance.now() < until) send(session);
    };
    for (let i = 0; i < window; i++) send(session);
  }
  clients.flush();
  let last = 0;
  while (performance.now() < until) {
    await sleep(STALL);
    if (report.received === last) for (const session of sessions) for (let i = 0; i < window; i++) send(session);
    last = report.received;
  }
}

/** Plays flows, `options.sessions` at a time, each as a client of its own. */
async function replay(
  clients: LoadClients,
  url: string,
  options: LoadOptions,
  report: LoadReport,
  flows: ReplayFlow[],
): Promise<void> {
  const queue = flows.slice();
  const worker = async (): Promise<void> => {
    for (let flow = queue.shift(); flow !== undefined; flow = queue.shift()) {
      await playFlow(clients, url, options, report, flow);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.sessions, flows.length) }, worker));
}

async function playFlow(
  clients: LoadClients,
  url: string,
  options: LoadOptions,
  report: LoadReport,
  flow: ReplayFlow,
): Promise<void> {
  const target = new URL(url);
  target.searchParams.set('client', flow.client);
  const session = await open(clients, target.href, report, 0);
  if (session === null) return;
  const startedAt = performance.now();
  for (let i = 0; i < flow.times.length && session.closed === null; i++) {
    const wait = flow.times[i] / options.speed - (performance.now() - startedAt);
    if (wait > 0) await sleep(wait);
    session.sendSized(flow.sizes[i]);
  }
  await sleep(GRACE / 5);
  session.session?.close();
  clients.flush();
}
