import { EndpointError } from './endpoint.js';

interface Waiting {
  /** When it is no use any more (`performance.now`, ms). */
  until: number;
  begin(): void;
  fail(error: EndpointError): void;
}

/**
 * So many calls at once, and those that wait for their turn. Clients take turns, whatever each has waiting (fair queueing; Nagle,
 * RFC 970); where too much waits, who has most of it loses its newest.
 */
export class CallTurns {
  #underWay = 0;
  #waiting = 0;
  /** By client, in the order of their turns: a Map keeps the order of insertion. */
  readonly #queues = new Map<string, Waiting[]>();

  constructor(
    readonly atOnce: number,
    readonly mostWaiting: number,
  ) {}

  /** Makes a call at its turn. Rejects with `endpoint-unreachable` where that does not come. */
  async run<T>(client: string, until: number, call: () => Promise<T>): Promise<T> {
    if (this.#underWay < this.atOnce) this.#underWay++;
    else await this.#turn(client, until);
    try {
      return await call();
    } finally {
      this.#underWay--;
      this.#next();
    }
  }

  #turn(client: string, until: number): Promise<void> {
    return new Promise((begin, fail) => {
      let queue = this.#queues.get(client);
      if (this.#waiting >= this.mostWaiting) {
        const fattest = this.#fattest(queue?.length ?? 0);
        if (fattest === null) {
          fail(new EndpointError('endpoint-unreachable', 'too many calls wait', true));
          return;
        }
        this.#dropNewest(fattest);
        // It may have been the one that was there.
        queue = this.#queues.get(client);
      }
      if (queue === undefined) {
        queue = [];
        this.#queues.set(client, queue);
      }
      queue.push({ until, begin, fail });
      this.#waiting++;
    });
  }

  /** Who has more waiting than one that has `length` would have with one more; null: nobody. */
  #fattest(length: number): string | null {
    let found: string | null = null;
    let most = length + 1;
    for (const [client, queue] of this.#queues) {
      if (queue.length <= most) continue;
      most = queue.length;
      found = client;
    }
    return found;
  }

  #dropNewest(client: string): void {
    const queue = this.#queues.get(client) ?? [];
    const dropped = queue.pop();
    this.#waiting--;
    dropped?.fail(new EndpointError('endpoint-unreachable', 'too many calls wait', true));
  }

  /** The next turns, as far as there is room. */
  #next(): void {
    while (this.#underWay < this.atOnce && this.#waiting > 0) {
      const [[client, queue]] = this.#queues;
      const next = queue.shift() as Waiting;
      this.#waiting--;
      // Behind the others, where it has more.
      this.#queues.delete(client);
      if (queue.length > 0) this.#queues.set(client, queue);
      if (performance.now() >= next.until) {
        next.fail(new EndpointError('endpoint-unreachable', 'its time was over before its turn came'));
      } else {
        this.#underWay++;
        next.begin();
      }
    }
  }
}
