import { CidTable } from '../cid-table.js';
import { CID_LENGTH } from '../connection-id.js';
import type { QuicheConnection } from './connection.js';

/** Connections by index, by the IDs that they gave out, and by the ID that a client chose for its first packet. */
export class ConnectionTable {
  readonly #cids = new CidTable();
  /** Until the handshake is done. */
  readonly #byOriginal = new Map<string, QuicheConnection>();
  readonly #table: (QuicheConnection | null)[] = [];
  readonly #free: number[] = [];
  size = 0;

  newIndex(): number {
    return this.#free.pop() ?? this.#table.push(null) - 1;
  }

  add(connection: QuicheConnection, id: Uint8Array): void {
    this.#table[connection.index] = connection;
    this.size++;
    this.addId(connection, id);
  }

  addId(connection: QuicheConnection, id: Uint8Array): void {
    this.#cids.set(id, connection.index);
    connection.localIds.push(id);
  }

  retireId(connection: QuicheConnection, id: Uint8Array): void {
    this.#cids.delete(id);
    const at = connection.localIds.findIndex((other) => Buffer.compare(other, id) === 0);
    if (at >= 0) connection.localIds.splice(at, 1);
  }

  /** Null where there is none, or none any more. */
  at(index: number): QuicheConnection | null {
    return this.#table[index] ?? null;
  }

  has(connection: QuicheConnection): boolean {
    return this.#table[connection.index] === connection;
  }

  /** Whose ID stands in a packet. */
  find(packet: Uint8Array, at: number, length: number): QuicheConnection | null {
    const index = length === CID_LENGTH ? this.#cids.get(packet, at) : -1;
    return index < 0 ? null : this.at(index);
  }

  ofOriginal(id: Uint8Array): QuicheConnection | null {
    return this.#byOriginal.get(keyOf(id)) ?? null;
  }

  setOriginal(connection: QuicheConnection, id: Uint8Array): void {
    connection.originalKey = keyOf(id);
    this.#byOriginal.set(connection.originalKey, connection);
  }

  forgetOriginal(connection: QuicheConnection): void {
    if (connection.originalKey !== null) this.#byOriginal.delete(connection.originalKey);
    connection.originalKey = null;
  }

  remove(connection: QuicheConnection): void {
    this.forgetOriginal(connection);
    for (const id of connection.localIds) this.#cids.delete(id);
    this.#table[connection.index] = null;
    this.#free.push(connection.index);
    this.size--;
  }

  *[Symbol.iterator](): Generator<QuicheConnection> {
    for (const connection of this.#table) if (connection !== null) yield connection;
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}
