import { CONTROL_MAGIC, ControlReader, encodeControl } from '../control/frames.js';
import type { ClientMessage, HostMessage } from '../control/messages.js';

/** The control stream as a client has it. */
export class ControlChannel {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #messages = new ControlReader();

  constructor({ readable, writable }: WebTransportBidirectionalStream) {
    this.#writer = writable.getWriter();
    this.#reader = readable.getReader();
    void this.#writer.write(CONTROL_MAGIC).catch(() => {});
  }

  send(message: ClientMessage): void {
    // What can't be sent is told by the session's end.
    void this.#writer.write(encodeControl(message)).catch(() => {});
  }

  /** What the host says, until the stream ends. */
  async *messages(): AsyncGenerator<HostMessage> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      yield* this.#messages.push(value) as HostMessage[];
    }
  }
}
