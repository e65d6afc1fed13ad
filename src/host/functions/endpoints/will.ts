/** What a remote endpoint is to be told by another shard, should the session's own be gone before: that the session is over. */
export interface Will {
  /** As the endpoint was told of it. */
  session: string;
  client: string;
  functionId: string;
  url: string;
}

/** Leaves the wills of a shard's sessions with the host, until the ends have been told of. */
export class Wills {
  #last = 0;

  /** @param done the endpoint has heard of the end, or was given up */
  constructor(
    readonly keep: (key: number, will: Will) => void,
    readonly done: (key: number) => void,
  ) {}

  /** Returns what {@link done} is told. */
  leave(will: Will): number {
    this.keep(++this.#last, will);
    return this.#last;
  }
}
