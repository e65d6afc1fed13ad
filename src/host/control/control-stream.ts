import { joined } from '../../control/bytes.js';
import type { AppErrorName } from '../../control/codes.js';
import { CONTROL_MAGIC, ControlReader, encodeControl } from '../../control/frames.js';
import { clientMessage, type HostMessage, type ParsedClientMessage } from '../../control/messages.js';
import { CountLimit } from '../../quic/count-limit.js';
import { problemForStranger } from '../../validation/problems.js';
import type { TransportStream } from '../transport.js';

const chunk = new Uint8Array(16_384);
const NOTHING = new Uint8Array(0);
/** Messages that may come at once, and that are added a second. */
const BURST = 40;
const PER_SECOND = 10;
/** What may wait to be sent: a client that does not read is told no more. */
const MOST_WAITING = 262_144;
/** Objects and lists in one another, and values in all: to check what is nested without end takes more stack than there is, which ends the shard. */
const MOST_DEPTH = 32;
const MOST_VALUES = 1024;

/** Whether a session's address says that it has a control stream: then what it says there is waited for. */
export function speaksControl(path: string): boolean {
  return new URLSearchParams(path.split('?')[1] ?? '').get('tgc') === '1';
}

/** How a control stream turned out, for its session. */
export interface ControlHooks {
  onMessage(message: ParsedClientMessage): void;
  /** It is of no more use: the session is to end with this. */
  onFault(code: AppErrorName, reason: string): void;
  /** The client ended it. */
  onEnd(): void;
}

/** Why a message is not worth being looked at, or null. */
function excessOf(message: unknown): string | null {
  let level = [message];
  for (let depth = 0, count = 0; level.length > 0; depth++) {
    count += level.length;
    if (depth > MOST_DEPTH) return `it is nested deeper than ${MOST_DEPTH}`;
    if (count > MOST_VALUES) return `it holds more than ${MOST_VALUES} values`;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return null;
}

/**
 * A session's control stream behind its first four bytes. It does not pass the gate: a session that has no tokens left has to
 * be able to answer; its own limit holds it.
 */
export class ControlStream {
  readonly #reader = new ControlReader();
  #waiting: Uint8Array = NOTHING;
  readonly #limit = new CountLimit(BURST, PER_SECOND, performance.now());
  #isOver = false;

  constructor(
    readonly stream: TransportStream,
    readonly hooks: ControlHooks,
  ) {
    stream.handler = {
      onReadable: () => this.pump(),
      onWritable: () => this.#write(),
      onReset: () => this.#end(),
      onStopSending: () => {},
    };
  }

  pump(): void {
    while (!this.#isOver && !this.stream.isReadDone) {
      const length = this.stream.read(chunk);
      if (length < 0) return;
      this.#take(this.#cut(chunk.subarray(0, length)));
    }
    if (this.stream.finished) this.#end();
  }

  /** Messages that are whole now. */
  #cut(bytes: Uint8Array): unknown[] {
    try {
      return this.#reader.push(bytes);
    } catch (error) {
      this.#fault(error instanceof RangeError ? 'control-too-large' : 'control-malformed', 'no frame of JSON');
      return [];
    }
  }

  #take(messages: readonly unknown[]): void {
    for (const message of messages) {
      if (this.#isOver) return;
      if (!this.#limit.take(performance.now())) {
        this.#fault('control-flood', `more than ${PER_SECOND} messages a second`);
        return;
      }
      const excess = excessOf(message);
      if (excess !== null) {
        this.#fault('control-malformed', excess);
        return;
      }
      const parsed = clientMessage.safeParse(message);
      if (parsed.success) this.hooks.onMessage(parsed.data);
      else {
        this.#fault('control-malformed', problemForStranger(clientMessage, parsed.error, message, 'the message'));
      }
    }
  }

  #fault(code: AppErrorName, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.hooks.onFault(code, reason);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.stream.isWriteDone) this.stream.write(NOTHING, true);
    this.hooks.onEnd();
  }

  send(message: HostMessage): void {
    if (this.stream.isWriteDone || this.#waiting.length > MOST_WAITING) return;
    const bytes = encodeControl(message);
    this.#waiting = this.#waiting.length === 0 ? bytes : joined([this.#waiting, bytes]);
    this.#write();
  }

  #write(): void {
    if (this.#waiting.length === 0 || this.stream.isWriteDone) return;
    const taken = this.stream.write(this.#waiting, false);
    this.#waiting = taken === this.#waiting.length ? NOTHING : this.#waiting.subarray(taken);
  }
}

/** Looks at the first bytes of a client's stream: is it the control stream? */
export class ControlSniffer {
  readonly #seen = new Uint8Array(CONTROL_MAGIC.length);
  #length = 0;

  constructor(
    readonly stream: TransportStream,
    readonly isControl: () => void,
    /** It is not: `seen` was read already. */
    readonly isOther: (seen: Uint8Array) => void,
  ) {
    stream.handler = {
      onReadable: () => this.pump(),
      onWritable() {},
      onReset: () => stream.reset(0),
      onStopSending() {},
    };
  }

  pump(): void {
    while (!this.stream.isReadDone) {
      const length = this.stream.read(this.#seen.subarray(this.#length));
      if (length < 0) return;
      for (let i = this.#length; i < this.#length + length; i++) {
        if (this.#seen[i] !== CONTROL_MAGIC[i]) {
          this.#length += length;
          this.#decide(false);
          return;
        }
      }
      this.#length += length;
      if (this.#length === CONTROL_MAGIC.length) {
        this.#decide(true);
        return;
      }
    }
    this.#decide(false);
  }

  #decide(isControl: boolean): void {
    if (isControl) this.isControl();
    else this.isOther(this.#seen.slice(0, this.#length));
  }
}
