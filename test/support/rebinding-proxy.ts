import { createSocket, type Socket } from 'node:dgram';

/** A NAT of one client: passes packets on from a port of its own, which changes on {@link rebind}. */
export class RebindingProxy {
  #outside: Socket;
  #client: { address: string; port: number } | null = null;

  private constructor(
    readonly inside: Socket,
    readonly target: number,
  ) {
    this.#outside = this.#open();
    inside.on('message', (packet, from) => {
      this.#client = from;
      this.#outside.send(packet, this.target, '127.0.0.1');
    });
  }

  static async create(target: number): Promise<RebindingProxy> {
    const inside = createSocket('udp4');
    await new Promise<void>((resolve) => inside.bind(0, '127.0.0.1', resolve));
    return new RebindingProxy(inside, target);
  }

  get port(): number {
    return this.inside.address().port;
  }

  #open(): Socket {
    const socket = createSocket('udp4');
    socket.on('message', (packet) => {
      if (this.#client !== null) this.inside.send(packet, this.#client.port, this.#client.address);
    });
    return socket;
  }

  /** From now on packets come from another port. */
  rebind(): void {
    const old = this.#outside;
    this.#outside = this.#open();
    setTimeout(() => old.close(), 200);
  }

  close(): void {
    this.inside.close();
    this.#outside.close();
  }
}
