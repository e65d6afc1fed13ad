/** Questions to another thread that wait for their answers, by number. One that stays away is answered in its place. */
export class PendingReplies<T> {
  readonly #waiting = new Map<number, (reply: T) => void>();
  #next = 1;

  constructor(
    readonly timeoutMs: number,
    /** What stands for an answer that does not come. */
    readonly none: T,
  ) {}

  /** Asks: `send` is given the question's number. */
  ask(send: (request: number) => void): Promise<T> {
    return new Promise((resolve) => {
      const request = this.#next++;
      const finish = (reply: T): void => {
        clearTimeout(timer);
        this.#waiting.delete(request);
        resolve(reply);
      };
      const timer = setTimeout(() => finish(this.none), this.timeoutMs);
      this.#waiting.set(request, finish);
      send(request);
    });
  }

  /** An answer came; one that comes too late is let go. */
  answer(request: number, reply: T): void {
    this.#waiting.get(request)?.(reply);
  }

  /** Nobody answers any more. */
  giveUp(): void {
    for (const finish of [...this.#waiting.values()]) finish(this.none);
  }
}
