/** Longer than this on the way (there and back, ms) counts as delayed. */
const DELAYED_MS = 100;

interface Message {
  bytes: number;
  isFirst: boolean;
  /** ms; Infinity while it has not come back. */
  latency: number;
}

/** What came of a policy. */
export interface PolicyResult {
  policy: string;
  sessions: number;
  refusedSessions: number;
  messages: number;
  bytes: number;
  /** Bytes of messages that took longer than 100 ms there and back, or did not come back. */
  delayedBytes: number;
  lostMessages: number;
  /** Datagrams that found limits or queues in the way, at the host. */
  droppedDatagrams: number;
  /** ms; from the wish to open the session to the first answer. */
  firstMessageP50: number;
  firstMessageP99: number;
  latencyP50: number;
  latencyP99: number;
  /** Bytes that the buffers of all sessions might take, mean over the run. */
  bufferMemory: number;
}

/** What did not come back in time took so long, ms. */
const GIVEN_UP_MS = 10_000;

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Counts and latencies of a policy's run. */
export class PolicyScores {
  sessions = 0;
  refused = 0;
  readonly #messages: Message[] = [];
  readonly #buffers: number[] = [];

  sent(bytes: number, isFirst: boolean): number {
    return this.#messages.push({ bytes, isFirst, latency: Number.POSITIVE_INFINITY }) - 1;
  }

  answered(message: number, latency: number): void {
    this.#messages[message].latency = latency;
  }

  buffered(bytes: number): void {
    this.#buffers.push(bytes);
  }

  result(policy: string, droppedDatagrams: number): PolicyResult {
    const messages = this.#messages;
    const latencies = (of: readonly Message[]) =>
      of.map(({ latency }) => Math.min(latency, GIVEN_UP_MS)).sort((a, b) => a - b);
    const all = latencies(messages);
    const first = latencies(messages.filter(({ isFirst }) => isFirst));
    const bytes = (of: readonly Message[]) => of.reduce((sum, message) => sum + message.bytes, 0);
    return {
      policy,
      sessions: this.sessions,
      refusedSessions: this.refused,
      messages: messages.length,
      bytes: bytes(messages),
      delayedBytes: bytes(messages.filter(({ latency }) => latency > DELAYED_MS)),
      lostMessages: messages.filter(({ latency }) => latency === Number.POSITIVE_INFINITY).length,
      droppedDatagrams,
      firstMessageP50: percentile(first, 0.5),
      firstMessageP99: percentile(first, 0.99),
      latencyP50: percentile(all, 0.5),
      latencyP99: percentile(all, 0.99),
      bufferMemory: this.#buffers.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#buffers.length),
    };
  }
}
