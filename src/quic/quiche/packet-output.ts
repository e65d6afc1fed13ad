import type { QuicCounters, QuicEndpointHooks } from '../engine.js';

const MAX_PACKET = 1500;

/** The buffer that packets are written into, with a view for every length so that sending one makes none. */
export class PacketOutput {
  buffer = new Uint8Array(MAX_PACKET);
  /** The socket takes no more for now. */
  backedUp = false;
  #views: Uint8Array[] = [];

  constructor(
    readonly transmit: QuicEndpointHooks['transmit'],
    readonly counters: QuicCounters,
  ) {
    this.#renew();
  }

  /** Sends the first `length` bytes of {@link buffer}. */
  sendBuffer(length: number, address: string, port: number): void {
    this.send(this.#views[length], address, port);
  }

  send(packet: Uint8Array, address: string, port: number): void {
    this.counters.packetsOut++;
    this.counters.bytesOut += packet.length;
    if (this.transmit(packet, address, port)) return;
    // The socket still holds the buffer: leave it that one and go on with another.
    this.backedUp = true;
    this.#renew();
  }

  #renew(): void {
    const buffer = new Uint8Array(MAX_PACKET);
    this.buffer = buffer;
    this.#views = Array.from({ length: MAX_PACKET + 1 }, (_, length) => buffer.subarray(0, length));
  }
}
