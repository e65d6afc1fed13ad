import type { MessagePort } from 'node:worker_threads';

/** What goes between two sessions that are joined. `s` names a stream: even numbers are those of the first, odd of the second. */
export type PeerMessage =
  | { type: 'datagram'; bytes: Uint8Array }
  | { type: 'open'; s: number; bidirectional: boolean }
  /** The other client has the stream too: what comes on it may follow. */
  | { type: 'opened'; s: number }
  | { type: 'bytes'; s: number; bytes: Uint8Array; end: boolean }
  /** So many bytes were taken by the other client's transport, or let go. */
  | { type: 'taken'; s: number; bytes: number }
  | { type: 'reset'; s: number; code: number }
  | { type: 'stop'; s: number; code: number }
  | { type: 'left' };

/** One end of what joins two sessions, in one shard or across two. */
export interface PeerLink {
  onMessage: (message: PeerMessage) => void;
  post(message: PeerMessage): void;
  close(): void;
}

class LocalLink implements PeerLink {
  onMessage: (message: PeerMessage) => void = () => {};
  other: LocalLink | null = null;

  post(message: PeerMessage): void {
    const { other } = this;
    // Not inside the call that it comes of: two that answer each other would nest without end.
    if (other !== null) queueMicrotask(() => other.onMessage(message));
  }

  close(): void {
    this.other = null;
  }
}

/** The two ends of a link within a thread. */
export function localLink(): [PeerLink, PeerLink] {
  const [a, b] = [new LocalLink(), new LocalLink()];
  a.other = b;
  b.other = a;
  return [a, b];
}

/** An end of a link between threads. */
export class PortLink implements PeerLink {
  onMessage: (message: PeerMessage) => void = () => {};

  constructor(readonly port: MessagePort) {
    port.on('message', (message: PeerMessage) => this.onMessage(message));
    // The other's thread is gone, and could not say so.
    port.on('close', () => this.onMessage({ type: 'left' }));
  }

  post(message: PeerMessage): void {
    this.port.postMessage(message);
  }

  close(): void {
    this.onMessage = () => {};
    this.port.close();
  }
}
