import type { HostSeal } from '../../control/session-seal.js';
import type { OutgoingStream } from '../handler.js';
import type { StreamWriter } from '../stream-writer.js';

const NOTHING = new Uint8Array(0);

/** A stream to the client whose messages are sealed: each write is a record, and the end is one too. */
export class SealedWriter implements OutgoingStream {
  readonly #seal: ReturnType<HostSeal['stream']>;
  #ended = false;

  constructor(
    readonly writer: StreamWriter,
    seal: HostSeal,
  ) {
    this.#seal = seal.stream();
  }

  whenTaken(then: () => void, stalled: () => void): void {
    this.writer.whenTaken(then, stalled);
  }

  async write(bytes: Uint8Array): Promise<void> {
    // Nothing is what the end looks like.
    if (!this.#ended && bytes.length > 0) await this.writer.write(this.#seal(bytes, false));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.writer.write(this.#seal(NOTHING, true));
    this.writer.end();
  }

  reset(code = 0): void {
    this.#ended = true;
    this.writer.reset(code);
  }
}
