import type { Log } from './prediction/messages.js';

/** The operator's own parts that are asked about each client. */
export const HOOKS = ['identify', 'chooseSettings', 'chooseEndpoint'] as const;
export type HookName = (typeof HOOKS)[number];

/** What is done in place of what a hook would have said. */
const INSTEAD: Readonly<Record<HookName, string>> = {
  identify: 'the client is known in the next best way',
  chooseSettings: 'the socket has its usual settings',
  chooseEndpoint: 'the endpoint stays',
};

const QUIET_MS = 60_000;

/**
 * What the operator's hooks do wrong: throw, hang, answer rubbish. Any client may bring it about as often as it likes, so it is
 * counted, and logged once a minute a hook.
 */
export class HookFaults {
  readonly counts: Record<HookName, number> = { identify: 0, chooseSettings: 0, chooseEndpoint: 0 };
  readonly #toldAt: Partial<Record<HookName, number>> = {};

  constructor(
    readonly log: Log,
    readonly now: () => number = () => performance.now(),
  ) {}

  note(hook: HookName, error: unknown): void {
    this.counts[hook]++;
    const now = this.now();
    if (now - (this.#toldAt[hook] ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    this.#toldAt[hook] = now;
    this.log('error', `${hook} failed: ${INSTEAD[hook]}`, {
      error: error instanceof Error ? error.message : String(error),
      times: this.counts[hook],
    });
  }
}
