import { build, type Histogram } from 'hdr-histogram-js';

/** What a load run found; the line that `--json` prints. */
export interface LoadResult {
  seconds: number;
  sessions: number;
  failedSessions: number;
  sent: number;
  received: number;
  lost: number;
  messagesPerSecond: number;
  bytesSent: number;
  bytesReceived: number;
  /** Milliseconds from sending to the echo. */
  latency: { p50: number; p90: number; p99: number; max: number };
}

/** Counts and latencies of all sessions. Latencies are kept in microseconds, to three digits. */
export class LoadReport {
  sessions = 0;
  failedSessions = 0;
  sent = 0;
  received = 0;
  bytesSent = 0;
  bytesReceived = 0;
  startedAt = performance.now();
  readonly #latencies: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  });

  noteLatency(milliseconds: number): void {
    this.#latencies.recordValue(Math.max(1, Math.round(milliseconds * 1000)));
  }

  result(expectsEcho: boolean): LoadResult {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const at = (percentile: number) => this.#latencies.getValueAtPercentile(percentile) / 1000;
    return {
      seconds: round(seconds, 3),
      sessions: this.sessions,
      failedSessions: this.failedSessions,
      sent: this.sent,
      received: this.received,
      lost: expectsEcho ? this.sent - this.received : 0,
      messagesPerSecond: round((expectsEcho ? this.received : this.sent) / seconds, 1),
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      latency: { p50: at(50), p90: at(90), p99: at(99), max: this.#latencies.maxValue / 1000 },
    };
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** The result for people. */
export function describe(result: LoadResult): string {
  const { latency } = result;
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  return [
    `sessions    ${result.sessions} (${result.failedSessions} failed), ${result.seconds.toFixed(1)} s`,
    `messages    ${result.sent} sent, ${result.received} back, ${result.lost} lost, ${result.messagesPerSecond}/s`,
    `bytes       ${result.bytesSent} sent, ${result.bytesReceived} back`,
    `latency     p50 ${ms(latency.p50)}, p90 ${ms(latency.p90)}, p99 ${ms(latency.p99)}, max ${ms(latency.max)}`,
  ].join('\n');
}
