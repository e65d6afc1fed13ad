import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import type { SocketHost } from '../host/socket-host.js';
import { TidegateError } from '../quic/errors.js';
import { createMetrics } from './metrics.js';

/** Probes, metrics and sessions over HTTP, on an address of its own. It only reads. */
export class AdminServer {
  readonly #server: Server;

  private constructor(
    readonly host: SocketHost,
    server: Server,
  ) {
    this.#server = server;
  }

  /** Listens. Throws TIDEGATE_E_LISTEN. */
  static async start(host: SocketHost): Promise<AdminServer> {
    const { adminHost, adminPort } = host.config;
    const metrics = createMetrics(host);
    const server = createServer((request, response) => {
      answer(host, request, response, metrics).catch((error: Error) => {
        if (!response.headersSent) send(response, 500, 'text/plain', `${error.message}\n`);
        else response.destroy();
      });
    });
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
    return new AdminServer(host, server);
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
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

/** Names that a request to a loopback listener can bear; others come from a page that rebound its DNS. */
function isLocalName(host: string | undefined, adminHost: string): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || isIP(name) !== 0 || name === adminHost;
}

async function answer(
  host: SocketHost,
  request: IncomingMessage,
  response: ServerResponse,
  metrics: ReturnType<typeof createMetrics>,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://admin');
  if (!isLocalName(request.headers.host, host.config.adminHost)) {
    send(response, 421, 'text/plain', 'this listener answers to its address only\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'text/plain', 'GET only\n');
  } else if (pathname === '/healthz') {
    send(response, 200, 'text/plain', 'ok\n');
  } else if (pathname === '/readyz') {
    const { isReady, isDraining, shardNote } = host;
    const detail = {
      ready: isReady,
      draining: isDraining,
      shards: host.shards.live,
      shardNote,
      prediction: host.prediction.state,
      ...host.wellKnown(),
    };
    sendJson(response, isReady ? 200 : 503, detail);
  } else if (pathname === '/metrics') {
    send(response, 200, metrics.contentType, await metrics.metrics());
  } else if (pathname === '/sessions') {
    sendJson(response, 200, await host.sessions());
  } else if (pathname === '/.well-known/tidegate') {
    sendJson(response, 200, host.wellKnown());
  } else {
    send(response, 404, 'text/plain', 'there are /healthz, /readyz, /metrics and /sessions\n');
  }
}
