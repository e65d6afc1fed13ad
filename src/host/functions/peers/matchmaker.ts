import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { PeerAnswer } from './shard-peers.js';

interface Member {
  shard: number;
  handle: number;
}

const keyOf = ({ shard, handle }: Member): string => `${shard}/${handle}`;

/** Finds pairs among the sessions of all shards. */
export class Matchmaker {
  readonly #groups = new Map<string, Member[]>();
  readonly #groupOf = new Map<string, string>();

  constructor(readonly send: (shard: number, answer: PeerAnswer, transfer: MessagePort[]) => void) {}

  join(shard: number, handle: number, functionId: string, name: string): void {
    const group = `${functionId}\0${name}`;
    const members = this.#groups.get(group) ?? [];
    if (members.length >= 2) {
      this.send(shard, { handle, isFirst: false, other: null }, []);
      return;
    }
    members.push({ shard, handle });
    this.#groups.set(group, members);
    this.#groupOf.set(keyOf({ shard, handle }), group);
    if (members.length < 2) return;
    const [first, second] = members;
    if (first.shard === second.shard) {
      this.send(first.shard, { handle: first.handle, isFirst: true, other: { handle: second.handle } }, []);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    this.send(first.shard, { handle: first.handle, isFirst: true, other: { port: port1 } }, [port1]);
    this.send(second.shard, { handle: second.handle, isFirst: false, other: { port: port2 } }, [port2]);
  }

  /** Frees its name. The other of a pair is told of it by its link, and ends: it is nobody's other any more. */
  leave(shard: number, handle: number): void {
    const group = this.#groupOf.get(keyOf({ shard, handle }));
    if (group === undefined) return;
    for (const member of this.#groups.get(group) ?? []) this.#groupOf.delete(keyOf(member));
    this.#groups.delete(group);
  }

  /** A shard ended: its sessions are gone. */
  lost(shard: number): void {
    for (const members of [...this.#groups.values()]) {
      for (const member of members) if (member.shard === shard) this.leave(shard, member.handle);
    }
  }
}
