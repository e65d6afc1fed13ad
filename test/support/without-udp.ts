import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket as TcpSocket } from 'node:net';

/** An address at which a host is reached over TCP alone: UDP vanishes there, as behind many a firewall. */
export class WithoutUdp {
  readonly #ends = new Set<TcpSocket>();
  readonly #server: Server;

  private constructor(
    readonly port: number,
    readonly hole: Socket,
    hostPort: number,
  ) {
    this.#server = createServer((client) => {
      const host = connect(hostPort, '127.0.0.1');
      for (const [from, to] of [
        [client, host],
        [host, client],
      ] as const) {
        this.#ends.add(from);
        from.on('error', () => to.destroy()).on('close', () => this.#ends.delete(from));
        from.pipe(to);
      }
    });
  }

  static async before(url: string): Promise<WithoutUdp> {
    const hole = createSocket('udp4');
    hole.bind(0, '127.0.0.1');
    await once(hole, 'listening');
    const { port } = hole.address() as AddressInfo;
    const made = new WithoutUdp(port, hole, Number(new URL(url).port));
    made.#server.listen(port, '127.0.0.1');
    await once(made.#server, 'listening');
    return made;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** All connections break, as where a firewall forgets them. */
  reset(): void {
    for (const end of this.#ends) end.resetAndDestroy();
  }

  close(): void {
    this.hole.close();
    this.#server.close();
    for (const end of this.#ends) end.destroy();
  }
}
