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
  unanswered: number;
  /** Datagrams that found limits or queues in the way, at the host. */
  droppedDatagrams: number;
  /** ms; from the wish to open the session to the first answer. */
  firstMessageP50: number;
  firstMessageP99: number;
  latencyP50: number;
  latencyP99: number;
  /** bytes/s that a session might send, and bytes that the buffers of all might take: means over the run. */
  grantedLimit: number;
  bufferMemory: number;
}

/** What did not come back in time took so long, ms. */
const GIVEN_UP_MS = 10_000;

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Counts and latencies of a policy's run. */
export class PolicyScores {
  sessions = 0;
  refused = 0;
  readonly #messages: Message[] = [];
  readonly #limits: number[] = [];
  readonly #buffers: number[] = [];

  sent(bytes: number, isFirst: boolean): number {
    return this.#messages.push({ bytes, isFirst, latency: Number.POSITIVE_INFINITY }) - 1;
  }

  answered(message: number, latency: number): void {
    this.#messages[message].latency = latency;
  }

  /** What all sessions are granted at a moment. */
  granted(sessions: number, bytesPerSecond: number, buffers: number): void {
    if (sessions > 0) this.#limits.push(bytesPerSecond / sessions);
    this.#buffers.push(buffers);
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
      unanswered: messages.filter(({ latency }) => latency === Number.POSITIVE_INFINITY).length,
      droppedDatagrams,
      firstMessageP50: percentile(first, 0.5),
      firstMessageP99: percentile(first, 0.99),
      latencyP50: percentile(all, 0.5),
      latencyP99: percentile(all, 0.99),
      grantedLimit: meanOf(this.#limits),
      bufferMemory: meanOf(this.#buffers),
    };
  }
}
