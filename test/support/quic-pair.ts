import { randomBytes } from 'node:crypto';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import {
  type QuicConnection,
  type QuicConnectionHandler,
  type QuicEndpoint,
  SILENT_CONNECTION as SILENT,
} from '../../src/quic/engine.js';
import {
  DEFAULT_GOODPUT_LIMITS,
  DEFAULT_HANDSHAKE_LIMITS,
  DEFAULT_TRANSPORT,
  type QuicEndpointOptions,
  type QuicServerOptions,
  type QuicTransportOptions,
} from '../../src/quic/options.js';
import { QuicheEndpoint } from '../../src/quic/quiche/endpoint.js';

export { SILENT };

export const CLIENT = { address: '127.0.0.1', port: 1111 };
export const SERVER = { address: '127.0.0.1', port: 2222 };

let pair: Promise<{ certificate: string; privateKey: string }> | undefined;

/** One certificate for all tests of a process. */
export function testCertificate(): Promise<{ certificate: string; privateKey: string }> {
  pair ??= createSelfSigned(['localhost', '127.0.0.1'], new Date(Date.now() - 3_600_000));
  return pair;
}

export interface Sent {
  from: 'client' | 'server';
  packet: Uint8Array;
  address: string;
  port: number;
}

export interface PairOptions {
  server?: Partial<QuicServerOptions>;
  transport?: Partial<QuicTransportOptions>;
  clientTransport?: Partial<QuicTransportOptions>;
  onConnection?: (connection: QuicConnection) => void;
  /** Where packets of the client come from. */
  clientAddress?: () => string;
  /** Changes or drops a packet on its way. */
  network?: (sent: Sent) => Sent | null;
  createServer?: (options: QuicEndpointOptions, hooks: ConstructorParameters<typeof QuicheEndpoint>[1]) => QuicEndpoint;
}

/** A client and a server endpoint joined in memory: packets wait in a list until {@link QuicPair.run} delivers them. */
export class QuicPair {
  readonly accepted: QuicConnection[] = [];
  readonly wire: Sent[] = [];
  client!: QuicEndpoint;
  server!: QuicEndpoint;

  /** An endpoint has more to do in another flush. */
  #isAsked = false;

  private constructor(readonly options: PairOptions) {}

  static async create(options: PairOptions = {}): Promise<QuicPair> {
    const certificate = await testCertificate();
    const made = new QuicPair(options);
    const create =
      options.createServer ??
      ((endpointOptions: QuicEndpointOptions, hooks: ConstructorParameters<typeof QuicheEndpoint>[1]) =>
        new QuicheEndpoint(endpointOptions, hooks));
    made.server = create(
      {
        localAddress: SERVER.address,
        localPort: SERVER.port,
        protocols: ['h3'],
        transport: { ...DEFAULT_TRANSPORT, ...options.transport },
        server: {
          ...certificate,
          maxConnections: 1000,
          handshakeTimeoutMs: 10_000,
          handshakes: DEFAULT_HANDSHAKE_LIMITS,
          goodput: DEFAULT_GOODPUT_LIMITS,
          cidKeys: [{ version: 0, key: randomBytes(16) }],
          route: { host: 0, shard: 0 },
          retryKeys: [randomBytes(32)],
          resetKey: randomBytes(32),
          ...options.server,
        },
      },
      {
        ...made.#hooks('server'),
        onConnection: (connection) => {
          connection.handler = SILENT;
          made.accepted.push(connection);
          options.onConnection?.(connection);
        },
      },
    );
    made.client = create(
      {
        localAddress: CLIENT.address,
        localPort: CLIENT.port,
        protocols: ['h3'],
        transport: { ...DEFAULT_TRANSPORT, ...options.transport, ...options.clientTransport },
        client: { trustedRoots: null },
      },
      { ...made.#hooks('client'), onConnection() {} },
    );
    return made;
  }

  #hooks(from: 'client' | 'server') {
    return {
      transmit: (packet: Uint8Array, address: string, port: number) => {
        this.wire.push({ from, packet: packet.slice(), address, port });
        return true;
      },
      requestFlush: () => {
        this.#isAsked = true;
      },
    };
  }

  /** A first packet as a client makes it, which goes nowhere else. */
  firstPacket(): Uint8Array {
    this.connect();
    this.client.flush(performance.now());
    const [{ packet }] = this.wire.splice(0);
    return packet;
  }

  connect(handler: Partial<QuicConnectionHandler> = {}): QuicConnection {
    return this.client.connect({ ...SERVER, handler: { ...SILENT, ...handler } }, performance.now());
  }

  /** Flushes and delivers until nothing moves. */
  run(rounds = 200): void {
    for (let round = 0; round < rounds; round++) {
      this.#isAsked = false;
      this.client.flush(performance.now());
      this.server.flush(performance.now());
      if (this.wire.length === 0 && !this.#isAsked) return;
      for (const sent of this.wire.splice(0)) this.#deliver(sent);
    }
  }

  #deliver(original: Sent): void {
    const sent = this.options.network === undefined ? original : this.options.network(original);
    if (sent === null) return;
    const now = performance.now();
    if (sent.from === 'client') {
      const address = this.options.clientAddress?.() ?? CLIENT.address;
      this.server.receive(sent.packet, address, sent.port === 0 ? 0 : CLIENT.port, now);
    } else this.client.receive(sent.packet, SERVER.address, SERVER.port, now);
  }

  /** Runs, lets timers pass, and runs again, until `done` or the time is up. */
  async runUntil(done: () => boolean, timeoutMs = 5000): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      this.run();
      if (done()) return;
      if (performance.now() > end) throw new Error('timed out');
      await new Promise((resolve) => setTimeout(resolve, 2));
      this.client.handleTimeouts(performance.now());
      this.server.handleTimeouts(performance.now());
    }
  }
}
