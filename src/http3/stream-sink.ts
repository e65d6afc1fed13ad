/** What a stream of a connection does when QUIC has news of it. */
export interface StreamSink {
  onReadable(): void;
  onWritable?(): void;
  onStopped?(code: number): void;
}
