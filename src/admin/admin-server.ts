import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import type { SocketHost } from '../host/socket-host.js';
import { TidegateError } from '../quic/errors.js';
import { isAuthorized, publishAccess } from './access.js';
import { type ActionHooks, act } from './actions.js';
import { DashboardFeed } from './dashboard/feed.js';
import { CONTENT_SECURITY_POLICY, dashboardFile, playPolicy } from './dashboard/files.js';
import { createMetrics } from './metrics.js';

/** ms for which a connection may be idle. */
const KEEP_ALIVE_MS = 65_000;

/** Longest body of an action, bytes. */
const MOST_BODY = 65_536;

/**
 * Probes, metrics and sessions over HTTP, on an address of its own. Whoever reaches it may read; actions need the token of
 * the data folder.
 */
export class AdminServer {
  readonly #server: Server;

  private constructor(
    readonly host: SocketHost,
    server: Server,
    /** @internal */
    readonly feed: DashboardFeed,
  ) {
    this.#server = server;
  }

  /** Listens. Throws TIDEGATE_E_LISTEN. */
  static async start(host: SocketHost, reload?: () => Promise<void>): Promise<AdminServer> {
    const { adminHost, adminPort, dataDir } = host.config;
    const metrics = createMetrics(host);
    const hooks: ActionHooks = {
      reload:
        reload ??
        (async () => {
          await host.reload();
        }),
    };
    const feed = new DashboardFeed(host);
    let token = '';
    const server = createServer((request, response) => {
      const answered =
        request.method === 'POST' && request.url?.startsWith('/actions/')
          ? answerAction(host, request, response, token, hooks)
          : answer(host, request, response, metrics, feed);
      answered.catch((error: Error) => {
        if (!response.headersSent) send(response, 500, 'text/plain', `${error.message}\n`);
        else response.destroy();
      });
    });
    // Who polls keeps its connection: one that ends as the next request comes is an error to it.
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => {
        reject(
          new TidegateError('TIDEGATE_E_LISTEN', `can't listen on TCP ${adminHost}:${adminPort}: ${cause.message}`, {
            hint: 'choose another with --admin-port, or 0 for a free one',
            cause,
          }),
        );
      });
      server.listen(adminPort, adminHost, resolve);
    });
    const admin = new AdminServer(host, server, feed);
    try {
      token = await publishAccess(dataDir, admin.url);
    } catch (error) {
      await admin.close();
      throw error;
    }
    return admin;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.feed.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`);
}

/** Without its query; empty where it is no path. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return URL.canParse(url, 'http://admin') ? new URL(url, 'http://admin').pathname : '';
}

/** Names that a request to a loopback listener can bear; others come from a page that rebound its DNS. */
function withoutPort(hostHeader: string | undefined): string {
  return (hostHeader ?? '').replace(/:\d+$/, '');
}

/** Where the page of a session by hand finds the host: by whatever name the page was opened. */
function playUrl(host: SocketHost, request: IncomingMessage): string {
  return `https://${withoutPort(request.headers.host)}:${host.port}`;
}

function isLocalName(host: string | undefined, adminHost: string): boolean {
  const name = withoutPort(host).replace(/^\[|\]$/g, '');
  return name === 'localhost' || isIP(name) !== 0 || name === adminHost;
}

async function answerAction(
  host: SocketHost,
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
  hooks: ActionHooks,
): Promise<void> {
  const name = /^\/actions\/(\w+)$/.exec(pathOf(request))?.[1];
  const { host: hostHeader, origin, authorization } = request.headers;
  if (!isLocalName(hostHeader, host.config.adminHost)) {
    sendJson(response, 421, { error: 'this listener answers to its address only' });
  } else if (origin !== undefined && origin !== `http://${hostHeader}`) {
    sendJson(response, 403, { error: 'pages of other origins may not ask' });
  } else if (token === '' || !isAuthorized(authorization, token)) {
    response.setHeader('www-authenticate', 'Bearer');
    sendJson(response, 401, { error: 'an action needs the token in admin.json of the data folder' });
  } else if (name === undefined) {
    sendJson(response, 404, { error: 'actions are at /actions/NAME' });
  } else {
    const body = await readBody(request);
    if (body === null) sendJson(response, 413, { error: `the body is longer than ${MOST_BODY} bytes` });
    else {
      const { status, answer: answered } = await act(host, name, body, hooks);
      sendJson(response, status, answered);
    }
  }
}

/** Null where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BODY) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function answer(
  host: SocketHost,
  request: IncomingMessage,
  response: ServerResponse,
  metrics: ReturnType<typeof createMetrics>,
  feed: DashboardFeed,
): Promise<void> {
  const pathname = pathOf(request);
  if (!isLocalName(request.headers.host, host.config.adminHost)) {
    send(response, 421, 'text/plain', 'this listener answers to its address only\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'GET, or POST for /actions/…\n');
  } else if (pathname === '/healthz') {
    send(response, 200, 'text/plain', 'ok\n');
  } else if (pathname === '/readyz') {
    const { isReady, isDraining, shardNote } = host;
    const { notAfter, problem } = host.certificateTime;
    const detail = {
      ready: isReady,
      draining: isDraining,
      shards: host.shards.live,
      shardNote,
      prediction: host.prediction.state,
      store: host.profiler.storeState,
      mode: host.config.mode,
      ...host.wellKnown(),
      certificate: { notAfter: new Date(notAfter).toISOString(), problem },
    };
    sendJson(response, isReady ? 200 : 503, detail);
  } else if (pathname === '/metrics') {
    send(response, 200, metrics.contentType, await metrics.metrics());
  } else if (pathname === '/sessions') {
    sendJson(response, 200, await host.sessions());
  } else if (pathname.startsWith('/sessions/')) {
    const id = pathname.slice('/sessions/'.length);
    const session = await host.session(id);
    if (session === null) sendJson(response, 404, { error: `there is no session ${id}` });
    else sendJson(response, 200, session);
  } else if (pathname === '/events') {
    if (!feed.listen(response)) sendJson(response, 503, { error: 'too many pages listen' });
  } else if (pathname === '/cohorts') {
    sendJson(response, 200, host.profiler.cohorts());
  } else if (pathname === '/.well-known/tidegate') {
    sendJson(response, 200, host.wellKnown());
  } else if (pathname === '/play.json') {
    sendJson(response, 200, { url: playUrl(host, request), certificateHash: host.certificateHash });
  } else {
    const file = await dashboardFile(pathname);
    if (file === null) {
      send(response, 404, 'text/plain', 'there are /, /healthz, /readyz, /metrics, /sessions and /cohorts\n');
    } else {
      const policy = pathname === '/play.html' ? playPolicy(playUrl(host, request)) : CONTENT_SECURITY_POLICY;
      response.setHeader('content-security-policy', policy);
      response.setHeader('referrer-policy', 'no-referrer');
      send(response, 200, file.type, file.body);
    }
  }
}
