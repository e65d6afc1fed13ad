import type { FramingEvents } from '../../src/http2/framing.js';

/** What a framing finds, in order; a stream's parts that follow each other are joined. */
export class FramingRecorder implements FramingEvents {
  readonly found: unknown[] = [];
  #stream: { id: number; bytes: number[] } | null = null;

  onStreamData(id: number, bytes: Uint8Array, end: boolean): void {
    if (this.#stream?.id !== id) {
      this.#stream = { id, bytes: [] };
      this.found.push(['stream', id, this.#stream.bytes]);
    }
    this.#stream.bytes.push(...bytes);
    if (end) this.#add('end', id);
  }

  onCapsule(type: number, value: Uint8Array): void {
    this.#add('capsule', type, [...value]);
  }

  onClose(code: number, reason: string): void {
    this.#add('close', code, reason);
  }

  onReply(bytes: Uint8Array): void {
    this.#add('reply', [...bytes]);
  }

  #add(...what: unknown[]): void {
    this.#stream = null;
    this.found.push(what);
  }
}

/** A frame of a WebSocket's client (RFC 6455 section 5.2), `opcode` with its FIN bit. */
export function maskedFrame(opcode: number, payload: Uint8Array, mask: readonly number[] = [1, 2, 3, 4]): Uint8Array {
  const { length } = payload;
  const lengthBytes = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const frame = Buffer.alloc(6 + lengthBytes + length);
  frame[0] = opcode;
  frame[1] = 0x80 | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  else if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  frame.set(mask, 2 + lengthBytes);
  for (let i = 0; i < length; i++) frame[6 + lengthBytes + i] = payload[i] ^ mask[i & 3];
  return frame;
}

/** A WebSocket's upgrade for a session at `path`, as a client writes it. */
export function upgradeRequest(path: string, fields: Record<string, string> = {}): string {
  const head = {
    host: 'a',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    // RFC 6455 section 1.3.
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'webtransport_kDraft2_chat, webtransport_kDraft1',
    ...fields,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
