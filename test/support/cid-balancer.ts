import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { CID_LENGTH, CidCodec, type CidKey } from '../../src/quic/connection-id.js';
import { PacketHeader } from '../../src/quic/packet-header.js';

/** A host behind the balancer. */
export interface BalancedHost {
  /** As in its configuration: connection IDs name it. */
  hostId: number;
  address: string;
  port: number;
  /** Whether it takes new connections: what a balancer learns from `/readyz`. */
  isReady(): boolean;
}

/** How long a client's first packets lead to the host that got the first of them, ms. */
const OPENING_MS = 10_000;

/**
 * A small UDP balancer by connection ID (draft-ietf-quic-load-balancers): with the fleet's key it reads which host a packet is for,
 * so that connections stay where they are whatever address their packets come from. New ones go to ready hosts in turn.
 */
export class CidBalancer {
  readonly #codec: CidCodec;
  readonly #header = new PacketHeader();
  /** Hosts of connections that begin, by the ID that the client chose. */
  readonly #opening = new Map<string, BalancedHost>();
  /** A socket for each client's address and host: answers come back by it. */
  readonly #outside = new Map<string, Socket>();
  #turn = 0;
  /** Packets that led nowhere. */
  lost = 0;

  private constructor(
    readonly inside: Socket,
    keys: readonly CidKey[],
    readonly hosts: readonly BalancedHost[],
  ) {
    this.#codec = new CidCodec(keys, { host: 0, shard: 0 });
    inside.on('message', (packet, from) => this.#route(packet, from));
  }

  static async create(
    keys: readonly CidKey[],
    hosts: readonly BalancedHost[],
    bind = '127.0.0.1',
  ): Promise<CidBalancer> {
    const inside = createSocket('udp4');
    await new Promise<void>((resolve) => inside.bind(0, bind, resolve));
    return new CidBalancer(inside, keys, hosts);
  }

  get port(): number {
    return this.inside.address().port;
  }

  #route(packet: Buffer, from: RemoteInfo): void {
    const host = this.#hostOf(packet);
    if (host === undefined) {
      this.lost++;
      return;
    }
    this.#towards(from, host).send(packet, host.port, host.address);
  }

  #hostOf(packet: Buffer): BalancedHost | undefined {
    const header = this.#header;
    if (!header.parse(packet, CID_LENGTH)) return undefined;
    const route = header.dcidLength === CID_LENGTH ? this.#codec.decode(packet, header.dcidAt) : null;
    if (route !== null) return this.hosts.find(({ hostId }) => hostId === route.host);
    if (!header.isLong) return undefined;
    const chosen = packet.toString('hex', header.dcidAt, header.dcidAt + header.dcidLength);
    const known = this.#opening.get(chosen);
    if (known !== undefined) return known;
    const ready = this.hosts.filter((host) => host.isReady());
    const host = ready[this.#turn++ % Math.max(1, ready.length)];
    if (host !== undefined) {
      this.#opening.set(chosen, host);
      setTimeout(() => this.#opening.delete(chosen), OPENING_MS).unref();
    }
    return host;
  }

  #towards({ address, port }: RemoteInfo, { hostId }: BalancedHost): Socket {
    const key = `${address} ${port} ${hostId}`;
    let socket = this.#outside.get(key);
    if (socket === undefined) {
      socket = createSocket('udp4');
      socket.on('message', (packet) => this.inside.send(packet, port, address));
      this.#outside.set(key, socket);
    }
    return socket;
  }

  /** Addresses that clients were seen at. */
  get clients(): string[] {
    return [...new Set([...this.#outside.keys()].map((key) => key.split(' ')[0]))];
  }

  close(): void {
    this.inside.close();
    for (const socket of this.#outside.values()) socket.close();
  }
}
