import type { ServerResponse } from 'node:http';
import { LOADS, MINUTE } from '../../host/scale/load-keeper.js';
import type { BriefSession } from '../../host/session-details.js';
import type { SocketHost } from '../../host/socket-host.js';

const EVERY_MS = 1000;
/** Seconds of load that a page that opens is shown; things that happened; sessions of a list. */
const HISTORY = 600;
const HAPPENED = 50;
const LISTED = 10_000;
/** Pages that listen at once. */
const MOST = 32;

interface Happened {
  at: number;
  kind: 'level' | 'anomaly';
  text: string;
  about: string;
}

/** A second of load. */
type Point = [at: number, sessions: number, bytesPerSecond: number];

const COLUMNS = [
  'id',
  'client',
  'function',
  'openSeconds',
  'bytes',
  'held',
  'predictedRate',
  'rateLimit',
  'requestType',
  'risk',
  'error',
  'level',
] as const satisfies readonly (keyof BriefSession)[];

/**
 * What the dashboard shows, told to every page each second as server-sent events: the load with its forecast, what serves, what
 * happened; sessions as rows of columns, so that 10,000 of them are a message of one megabyte and a half.
 */
export class DashboardFeed {
  readonly #pages = new Set<ServerResponse>();
  readonly #history: Point[] = [];
  readonly #happened: Happened[] = [];
  readonly #timer: NodeJS.Timeout;
  #before: { at: number; bytes: number } | null = null;
  #isListing = false;

  constructor(readonly host: SocketHost) {
    host.on('level', ({ client, from, to, reason }) => {
      this.#note({ kind: 'level', about: client, text: `level ${from} to ${to}: ${reason}` });
    });
    host.on('anomaly', ({ metric, value, usual, reason }) => {
      const [now, before] = [value, usual].map((number) => Number(number.toPrecision(3)));
      this.#note({ kind: 'anomaly', about: metric, text: `${now}, usually ${before}: ${reason}` });
    });
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
    this.#timer.unref();
  }

  #note(what: Omit<Happened, 'at'>): void {
    this.#happened.push({ at: Date.now(), ...what });
    if (this.#happened.length > HAPPENED) this.#happened.shift();
  }

  /** A page listens from now on. Returns whether there is room for it. */
  listen(response: ServerResponse): boolean {
    if (this.#pages.size >= MOST) return false;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    this.#pages.add(response);
    response.on('close', () => this.#pages.delete(response));
    this.#send([response], 'history', this.#history);
    this.#send([response], 'state', this.#state());
    return true;
  }

  #tick(): void {
    const { bytesIn, bytesOut, sessions } = this.host.shards.totals();
    const [now, bytes] = [Date.now(), bytesIn + bytesOut];
    const before = this.#before;
    this.#before = { at: now, bytes };
    if (before !== null && now > before.at) {
      const rate = Math.max(0, ((bytes - before.bytes) * 1000) / (now - before.at));
      this.#history.push([Math.round(now / 1000), sessions, Math.round(rate)]);
      if (this.#history.length > HISTORY) this.#history.shift();
    }
    if (this.#pages.size === 0) return;
    this.#send(this.#pages, 'state', this.#state());
    void this.#list();
  }

  #state(): Record<string, unknown> {
    const { host } = this;
    const status = host.prediction.service?.status ?? null;
    const load = Object.fromEntries(
      LOADS.map((name) => {
        const capacity = host.load.capacity(name);
        const forecasts = host.load.forecasts(name).map(({ horizon, mean, quantile }) => {
          const [low, high] = [quantile(0.1), quantile(0.9)];
          return [horizon, ...[mean, low, high].map((value) => Number((value / MINUTE[name]).toPrecision(5)))];
        });
        return [name, { capacity: capacity === null ? null : capacity / MINUTE[name], forecasts }];
      }),
    );
    return {
      now: this.#history.at(-1) ?? null,
      startedAt: host.startedAt,
      isReady: host.isReady,
      mode: host.config.mode,
      shards: host.shards.live.map((shard) => {
        const { sessions, connections, packetsIn, packetsOut } = host.shards.counters(shard).snapshot();
        return { shard, sessions, connections, packetsIn, packetsOut };
      }),
      restarts: host.restarts,
      load,
      metric: host.config.scaling.metric,
      desired: host.load.desired?.replicas ?? null,
      hosts: host.load.hosts,
      prediction: host.prediction.state,
      tickMs: status?.tickMs ?? null,
      sequences: status?.sequences ?? 0,
      shadow: status?.shadow?.model ?? null,
      levels: host.levelChanges,
      happened: this.#happened,
      unusual: host.watch.scores,
      store: host.profiler.storeState,
    };
  }

  /** The sessions, where the last list is through: with many of them it takes a while. */
  async #list(): Promise<void> {
    if (this.#isListing) return;
    this.#isListing = true;
    try {
      const sessions = (await this.host.briefSessions()).slice(0, LISTED);
      const short = (value: unknown): unknown =>
        typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
      const rows = sessions.map((session) => COLUMNS.map((name) => short(session[name])));
      this.#send(this.#pages, 'sessions', { columns: COLUMNS, rows });
    } finally {
      this.#isListing = false;
    }
  }

  /** A page that does not read misses what is told, and is not waited for. */
  #send(pages: Iterable<ServerResponse>, event: string, data: unknown): void {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const page of pages) if (!page.writableNeedDrain) page.write(text);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const page of this.#pages) page.end();
  }
}
