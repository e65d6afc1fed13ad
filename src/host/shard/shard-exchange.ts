import type { UdpDriver } from '../../net/udp-driver.js';
import type { ShardInit } from './messages.js';
import { PacketRing } from './packet-ring.js';

/**
 * Packets between shards. The kernel hashes a packet to any of the sockets on the port and hashes anew whenever their
 * number changes, so handing on is the steady case. One ring for each pair of shards; a doorbell in shared memory
 * (Atomics.waitAsync) wakes the reader, and is rung once for what is written while it sleeps.
 */
export class ShardExchange {
  readonly #out: (PacketRing | null)[];
  readonly #in: PacketRing[];
  readonly #doorbells: Int32Array;
  readonly #accepting: Int32Array;
  readonly #self: number;
  #closed = false;
  dropped = 0;

  constructor(
    init: ShardInit,
    readonly driver: UdpDriver,
  ) {
    this.#self = init.index;
    this.#out = init.rings[init.index].map((memory, to) => (to === init.index ? null : new PacketRing(memory)));
    this.#in = init.rings.flatMap((row, from) => (from === init.index ? [] : [new PacketRing(row[init.index])]));
    this.#doorbells = new Int32Array(init.doorbells);
    this.#accepting = new Int32Array(init.accepting);
    void this.#listen();
  }

  /** @returns false where there is no such shard or its ring is full. */
  send(shard: number, packet: Uint8Array, address: string, port: number): boolean {
    const ring = this.#out[shard];
    if (ring === undefined || ring === null) return false;
    if (!ring.write(packet, address, port)) {
      this.dropped++;
      return false;
    }
    // Ringing twice for one awakening would cost a call for nothing: 0 to 1 is the ring.
    if (Atomics.exchange(this.#doorbells, shard, 1) === 0) Atomics.notify(this.#doorbells, shard, 1);
    return true;
  }

  /** To any other shard that takes new connections; the same one for the packets of one client's handshake. */
  sendToAccepting(packet: Uint8Array, address: string, port: number): boolean {
    const count = this.#out.length;
    const start = port % count;
    for (let i = 0; i < count; i++) {
      const shard = (start + i) % count;
      if (shard !== this.#self && Atomics.load(this.#accepting, shard) === 1)
        return this.send(shard, packet, address, port);
    }
    return false;
  }

  async #listen(): Promise<void> {
    while (!this.#closed) {
      Atomics.store(this.#doorbells, this.#self, 0);
      let taken = 0;
      for (const ring of this.#in) {
        taken += ring.drain((packet, address, port) => {
          this.driver.endpoint.receive(packet, address, port, performance.now());
        });
      }
      if (taken > 0) {
        this.driver.scheduleFlush();
        // Others have their turn; more may have come meanwhile.
        await new Promise<void>((resolve) => setImmediate(resolve));
        continue;
      }
      const waiting = Atomics.waitAsync(this.#doorbells, this.#self, 0);
      if (waiting.async) await waiting.value;
    }
  }

  close(): void {
    this.#closed = true;
    Atomics.store(this.#doorbells, this.#self, 1);
    Atomics.notify(this.#doorbells, this.#self);
  }
}
