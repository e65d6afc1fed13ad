import type { KeyedWill } from '../../shard/messages.js';
import type { CallStats } from '../call-stats.js';
import { type CallsUnderWay, failureOf, invoke } from '../invocation.js';
import type { RemoteEndpoint } from './remote-endpoint.js';
import type { Will } from './will.js';

/** Ends that are told at once: there may be as many as a shard had sessions. */
const AT_ONCE = 64;
const REASON = { code: 0, reason: 'its shard ended', by: 'connection' } as const;

/** What telling of the ends of another shard's sessions takes. */
export interface WillExecutorParts {
  /** Null: nobody may be told there any more. */
  remoteOf(url: string): RemoteEndpoint | null;
  statsOf(functionId: string): CallStats;
  readonly calls: CallsUnderWay;
  done(key: number): void;
  failed(will: Will, code: ReturnType<typeof failureOf>['code'], message: string): void;
}

/** Tells remote endpoints that sessions of a shard that is gone are over. */
export class WillExecutor {
  /** In no order. */
  #waiting: KeyedWill[] = [];
  #underWay = 0;

  constructor(readonly parts: WillExecutorParts) {}

  carryOut(wills: readonly KeyedWill[]): void {
    this.#waiting = this.#waiting.concat(wills);
    while (this.#underWay < AT_ONCE && this.#waiting.length > 0) this.#next();
  }

  #next(): void {
    const next = this.#waiting.pop();
    if (next === undefined) return;
    const [key, will] = next;
    const { parts } = this;
    const endpoint = parts.remoteOf(will.url);
    const over = (): void => {
      this.#underWay--;
      parts.done(key);
      this.#next();
    };
    this.#underWay++;
    const { session: id, client, functionId } = will;
    const told = {
      kind: 'close',
      call: async () => await endpoint?.close({ id, client, functionId, sealKey: null }, REASON),
      done: over,
      failed: (error: unknown) => {
        const { code, message } = failureOf(error);
        parts.failed(will, code, message);
        over();
      },
    } as const;
    invoke(told, will, null, parts.calls, parts.statsOf(functionId));
  }
}
