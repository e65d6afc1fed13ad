import type { MessagePort } from 'node:worker_threads';
import type { HostSession } from '../../shard/host-session.js';
import type { PeerFinder } from './peer-function.js';
import { localLink, type PeerLink, PortLink } from './peer-link.js';

/** What the host answers: who the other is, in this shard or behind a port; null: there are two already. */
export type PeerAnswer = { handle: number; isFirst: boolean; other: { handle: number } | { port: MessagePort } | null };

interface Waiting {
  session: HostSession;
  found: (link: PeerLink | null, isFirst: boolean) => void;
}

/** A shard's sessions that wait for their other: the host finds it. */
export class ShardPeers implements PeerFinder {
  readonly #waiting = new Map<number, Waiting>();

  constructor(
    readonly ask: (handle: number, functionId: string, name: string) => void,
    readonly tellLeft: (handle: number) => void,
  ) {}

  join(session: HostSession, functionId: string, name: string, found: Waiting['found']): void {
    this.#waiting.set(session.handle, { session, found });
    this.ask(session.handle, functionId, name);
  }

  leave(session: HostSession): void {
    this.#waiting.delete(session.handle);
    this.tellLeft(session.handle);
  }

  answer({ handle, isFirst, other }: PeerAnswer): void {
    const waiting = this.#waiting.get(handle);
    this.#waiting.delete(handle);
    if (other !== null && 'port' in other) {
      const link = new PortLink(other.port);
      if (waiting !== undefined) waiting.found(link, isFirst);
      else {
        // It left meanwhile.
        link.post({ type: 'left' });
        link.close();
      }
      return;
    }
    if (other === null) {
      waiting?.found(null, isFirst);
      return;
    }
    const partner = this.#waiting.get(other.handle);
    this.#waiting.delete(other.handle);
    const [mine, theirs] = localLink();
    waiting?.found(mine, isFirst);
    partner?.found(theirs, !isFirst);
    if (waiting === undefined) mine.post({ type: 'left' });
    if (partner === undefined) theirs.post({ type: 'left' });
  }
}
