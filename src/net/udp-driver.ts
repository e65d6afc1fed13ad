import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { QuicEndpoint, QuicEndpointHooks } from '../quic/engine.js';
import { TidegateError } from '../quic/errors.js';

/** Bytes that are asked for in front of a UDP socket and behind it, and the least that there are in front where a queue stands. */
export const SOCKET_BUFFER = 4 * 1024 * 1024;
export const LEAST_RECEIVE_BUFFER = 64 * 1024;
/** How long a backed-up socket is left alone, ms. */
const BACK_OFF = 1;

export interface UdpBindOptions {
  address: string;
  port: number;
  /** Several sockets on one port (Node >= 22.12). */
  reusePort?: boolean;
  /** For '::': IPv6 alone. */
  ipv6Only?: boolean;
}

/** What the driver gives its endpoint. */
export type DriverHooks = Pick<QuicEndpointHooks, 'transmit' | 'requestFlush'>;

/**
 * Throws TIDEGATE_E_LISTEN where another process has the port. Sockets that share ports (`reusePort`) would not notice:
 * two hosts would then serve half of each other's clients.
 */
export async function assertPortFree(address: string, port: number): Promise<void> {
  const socket = await bindUdp({ address, port });
  await new Promise<void>((resolve) => socket.close(resolve));
}

/** Binds a UDP socket. Throws TIDEGATE_E_LISTEN, which names the address. */
export async function bindUdp(options: UdpBindOptions): Promise<Socket> {
  const socket = createSocket({
    type: options.address.includes(':') ? 'udp6' : 'udp4',
    ipv6Only: options.ipv6Only ?? false,
    ...(options.reusePort ? { reusePort: true } : {}),
    // Addresses are literals here; without this every send goes through dns.lookup.
    lookup: (host, family, callback) => callback(null, host, family as unknown as number),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const hint =
        cause.code === 'EADDRINUSE'
          ? 'another process has that UDP port: choose another with --port, or 0 for a free one'
          : 'check --host and --port';
      reject(
        new TidegateError('TIDEGATE_E_LISTEN', `can't bind UDP ${options.address}:${options.port}: ${cause.message}`, {
          hint,
          cause,
        }),
      );
    });
    socket.bind({ address: options.address, port: options.port, exclusive: true }, resolve);
  });
  socket.removeAllListeners('error');
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER);
    socket.setSendBufferSize(SOCKET_BUFFER);
  } catch {
    // The system's default has to do; `doctor` tells people about it.
  }
  return socket;
}

/**
 * Drives a sans-IO {@link QuicEndpoint} with a UDP socket and one timer. Packets that the loop delivers in one turn
 * make a batch: the flush runs once behind them.
 */
export class UdpDriver {
  readonly endpoint: QuicEndpoint;
  #flushScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(
    readonly socket: Socket,
    create: (hooks: DriverHooks) => QuicEndpoint,
    /** Errors of the socket; the driver itself carries on. */
    readonly onError: (error: Error) => void = () => {},
  ) {
    this.endpoint = create({
      transmit: (packet, address, port) => this.#transmit(packet, address, port),
      requestFlush: () => this.scheduleFlush(),
    });
    socket.on('message', this.#onMessage);
    socket.on('error', onError);
  }

  readonly #onMessage = (packet: Buffer, from: RemoteInfo): void => {
    this.endpoint.receive(packet, from.address, from.port, performance.now());
    this.scheduleFlush();
  };

  scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    if (this.#closed) return;
    if (this.socket.getSendQueueCount() > 0) {
      this.#flushScheduled = true;
      setTimeout(this.#flush, BACK_OFF);
      return;
    }
    this.endpoint.flush(performance.now());
    this.#rearm();
  };

  #transmit(packet: Uint8Array, address: string, port: number): boolean {
    if (this.#closed) return true;
    this.socket.send(packet, port, address);
    return this.socket.getSendQueueCount() === 0;
  }

  #rearm(): void {
    const next = this.endpoint.nextTimeout();
    // A timer that fires early only costs a look; moving it with every packet would cost more.
    if (next >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    this.#timer = setTimeout(this.#onTimer, Math.max(0, Math.ceil(next - performance.now())));
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#closed) return;
    this.endpoint.handleTimeouts(performance.now());
    this.#rearm();
  };

  /** In front of the socket, bytes. */
  setReceiveBuffer(bytes: number): void {
    if (!this.#closed) this.socket.setRecvBufferSize(bytes);
  }

  /** Closes all connections (their close packets leave first) and the socket. */
  async close(code: number, reason: string): Promise<void> {
    if (this.#closed) return;
    this.endpoint.closeAll(code, reason, performance.now());
    this.#closed = true;
    clearTimeout(this.#timer);
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }
}
