import { readVarint, varintLength, writeVarint } from '../quic/varint.js';
import { fieldsLength, writeFields } from './capsule.js';
import { CapsuleBody } from './capsule-body.js';
import type { Framing, FramingEvents } from './framing.js';
import { type SessionFault, TcpSessionError } from './session-error.js';

/** RFC 6455 section 5.2. */
const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
/** Longest payload of a control frame (section 5.5). */
const MAX_CONTROL = 125;
const NORMAL_CLOSURE = 1000;
/** What a close frame says of a fault (section 7.4.1). */
const CLOSE_CODES: Record<SessionFault, number> = {
  protocol: 1002,
  unsupported: 1003,
  'flow-control': 1008,
  'too-big': 1009,
};

/**
 * The server's side of a WebSocket (RFC 6455), each message of which is a capsule: its type, and its value to the message's end. Messages
 * in several frames and frames in several pieces are read as they come; nothing is held but what a capsule needs to be whole.
 */
export class WebSocketFraming implements Framing {
  readonly #body: CapsuleBody;
  readonly #head = new Uint8Array(14);
  #headLength = 0;
  readonly #mask = new Uint8Array(4);
  #masked = 0;
  /** Of the frame that is read. */
  #opcode: number = Opcode.BINARY;
  #isFinal = false;
  /** Bytes that are to come of a frame; -1: its head is. */
  #left = -1;
  #inMessage = false;
  /** What came of a message's type; null: it is known. */
  #type: number[] | null = null;
  #control: number[] = [];

  constructor(readonly events: FramingEvents) {
    this.#body = new CapsuleBody(events);
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left < 0) {
        this.#head[this.#headLength++] = bytes[at++];
        this.#readHead();
        continue;
      }
      const take = Math.min(this.#left, bytes.length - at);
      const part = bytes.subarray(at, at + take);
      for (let i = 0; i < take; i++) part[i] ^= this.#mask[(this.#masked + i) & 3];
      this.#masked = (this.#masked + take) & 3;
      this.#left -= take;
      at += take;
      this.#push(part);
    }
  }

  #readHead(): void {
    const head = this.#head;
    if (this.#headLength < 2) return;
    if ((head[0] & RESERVED) !== 0) throw new TcpSessionError('protocol', 'reserved bits of a frame are set');
    // Section 5.1: a server closes where they are not.
    if ((head[1] & MASKED) === 0) throw new TcpSessionError('protocol', 'a frame is not masked');
    const short = head[1] & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.#headLength < 2 + lengthBytes + 4) return;
    this.#headLength = 0;
    let length = lengthBytes === 0 ? short : 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + head[2 + i];
    this.#mask.set(head.subarray(2 + lengthBytes, 6 + lengthBytes));
    this.#masked = 0;
    this.#begin(head[0] & 0x0f, (head[0] & FIN) !== 0, length);
    this.#left = length;
    if (length === 0) this.#push(head.subarray(0, 0));
  }

  #begin(opcode: number, isFinal: boolean, length: number): void {
    this.#opcode = opcode;
    this.#isFinal = isFinal;
    switch (opcode) {
      case Opcode.CLOSE:
      case Opcode.PING:
      case Opcode.PONG:
        if (!isFinal || length > MAX_CONTROL) throw new TcpSessionError('protocol', 'a control frame is too long');
        this.#control = [];
        return;
      case Opcode.TEXT:
        throw new TcpSessionError('unsupported', 'a message of text');
      case Opcode.BINARY:
        if (this.#inMessage) throw new TcpSessionError('protocol', 'a message begins inside another');
        this.#inMessage = true;
        this.#type = [];
        return;
      case Opcode.CONTINUATION:
        if (!this.#inMessage) throw new TcpSessionError('protocol', 'a frame continues no message');
        return;
      default:
        throw new TcpSessionError('protocol', `a frame of type ${opcode}`);
    }
  }

  /** A part of a frame's payload; the last where none is left. */
  #push(part: Uint8Array): void {
    const endsFrame = this.#left === 0;
    if (endsFrame) this.#left = -1;
    if (this.#opcode >= Opcode.CLOSE) {
      this.#control.push(...part);
      if (endsFrame) this.#finishControl(Uint8Array.from(this.#control));
      return;
    }
    const isLast = endsFrame && this.#isFinal;
    if (isLast) this.#inMessage = false;
    let at = 0;
    while (this.#type !== null && at < part.length) {
      this.#type.push(part[at++]);
      const type = readVarint(Uint8Array.from(this.#type), 0);
      if (type < 0) continue;
      this.#type = null;
      this.#body.begin(type);
    }
    if (this.#type === null) this.#body.push(part.subarray(at), isLast);
    // A message without a byte is none.
    else if (isLast && this.#type.length > 0) throw new TcpSessionError('protocol', 'a message ends within its type');
  }

  #finishControl(payload: Uint8Array): void {
    if (this.#opcode === Opcode.PING) this.events.onReply(encodeFrame(Opcode.PONG, payload));
    if (this.#opcode !== Opcode.CLOSE) return;
    const { code, reason } = decodeClose(payload);
    this.events.onClose(code, reason);
  }

  encode(type: number, fields: readonly number[], payload: Uint8Array): Uint8Array {
    const head = new Uint8Array(varintLength(type) + fieldsLength(fields));
    writeFields(head, writeVarint(head, 0, type), fields);
    return encodeFrame(Opcode.BINARY, head, payload);
  }

  /** A browser's WebSocket shows a code of its own and a reason: the library finds the session's code in front of the reason. */
  encodeClose(code: number, reason: string): Uint8Array {
    return encodeCloseFrame(NORMAL_CLOSURE, `${code}:${reason}`);
  }

  encodePing(): Uint8Array {
    return encodeFrame(Opcode.PING);
  }

  encodeFault({ fault, message }: TcpSessionError): Uint8Array {
    return encodeCloseFrame(CLOSE_CODES[fault], message);
  }
}

/** A frame that is a whole message, from a server: not masked. */
function encodeFrame(opcode: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const out = new Uint8Array(2 + lengthBytes + length);
  out[0] = FIN | opcode;
  out[1] = lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length;
  const view = new DataView(out.buffer);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  else if (lengthBytes === 2) view.setUint16(2, length);
  let at = 2 + lengthBytes;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function encodeCloseFrame(code: number, reason: string): Uint8Array {
  const text = new Uint8Array(MAX_CONTROL - 2);
  const { written } = new TextEncoder().encodeInto(reason, text);
  return encodeFrame(Opcode.CLOSE, Uint8Array.of(code >> 8, code & 0xff), text.subarray(0, written));
}

/** The session's code and reason: `code:reason` where the library's client says it, else the WebSocket's own. */
function decodeClose(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length < 2) return { code: 0, reason: '' };
  const own = payload[0] * 256 + payload[1];
  const text = new TextDecoder().decode(payload.subarray(2));
  const [, code, reason] = /^(\d{1,10}):(.*)$/s.exec(text) ?? [];
  if (code !== undefined) return { code: Number(code) >>> 0, reason };
  return { code: own === NORMAL_CLOSURE ? 0 : own, reason: text };
}
