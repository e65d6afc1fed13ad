import { isWorthWriting, publishedLimits, settingsFor } from '../adapt/settings.js';
import type { CoreShare } from '../core/layout.js';
import { LimitsMailbox } from '../core/limits-mailbox.js';
import { ERROR_SCENARIOS, errorBit } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import type { Admissions } from './admissions.js';
import type { DecisionRecord } from './decision-record.js';
import type { HostPrediction } from './prediction/host-prediction.js';
import type { SessionOpening } from './prediction/messages.js';
import type { SessionUpdate } from './shard/messages.js';

/** Takes what sessions did in a tick to all who learn from it. Without a model averages set the limits from here. */
export class SessionUpdates {
  /** Where limits of a shard's sessions are written. */
  readonly #mailboxes = new Map<number, LimitsMailbox>();
  /** What sessions are granted: bytes of buffer, bytes/s. */
  readonly #grants = new Map<string, { buffer: number; rate: number }>();

  constructor(
    readonly profiler: Profiler,
    readonly admissions: Admissions,
    readonly prediction: HostPrediction,
    readonly record: DecisionRecord,
  ) {}

  /** A shard came, or came again with another memory: its sessions are gone. */
  shard(shard: number, core: CoreShare): void {
    this.#mailboxes.set(shard, new LimitsMailbox(core));
    for (const [key, { buffer, rate }] of this.#grants) {
      if (!key.startsWith(`${shard}/`)) continue;
      this.#grants.delete(key);
      this.admissions.buffered -= buffer;
      this.admissions.granted -= rate;
    }
  }

  take(shard: number, updates: SessionUpdate[]): void {
    const timestamp = Date.now();
    const openings: SessionOpening[] = [];
    const { service, serves } = this.prediction;
    const mailbox = serves ? undefined : this.#mailboxes.get(shard);
    for (const update of updates) {
      const { handle, client, errors, closed } = update;
      if (update.opened && !closed) openings.push(this.#opening(update, timestamp));
      this.profiler.updateProfile(client, { timestamp, session: `${shard}/${handle}`, ...update });
      this.record.update(shard, update, timestamp);
      this.#account(shard, update);
      if (update.moved) continue;
      if (closed) service?.closed(shard, handle, client, errors);
      // The features tell of everything else.
      else if (errors & errorBit('slow')) service?.errors(shard, handle, errors);
      if (mailbox !== undefined && !closed) this.#followAverage(mailbox, update);
    }
    service?.opened(shard, openings);
  }

  /** Keeps the sums of what sessions are granted. */
  #account(shard: number, { handle, bufferSize, rateLimit, closed }: SessionUpdate): void {
    const key = `${shard}/${handle}`;
    const before = this.#grants.get(key) ?? { buffer: 0, rate: 0 };
    const now = closed ? { buffer: 0, rate: 0 } : { buffer: bufferSize, rate: rateLimit };
    this.admissions.buffered += now.buffer - before.buffer;
    this.admissions.granted += now.rate - before.rate;
    if (closed) this.#grants.delete(key);
    else this.#grants.set(key, now);
  }

  #opening({ handle, client, functionId }: SessionUpdate, openedAt: number): SessionOpening {
    const { variants } = this.admissions.config.functions[functionId] ?? { variants: {} };
    const { sessionsSeen, predictedDataRate, predictedErrors } = this.profiler.getProfile(client);
    return {
      handle,
      client,
      context: {
        functionId,
        openedAt,
        visits: sessionsSeen,
        expectedLogRate: sessionsSeen > 0 ? Math.log1p(predictedDataRate) : 0,
        errors: ERROR_SCENARIOS.map((name) => predictedErrors[name]),
      },
      memory: this.profiler.memoryOf(client),
      promise: this.admissions.promiseOf(functionId) ?? null,
      isTyped: Object.values(variants).some((text) => text !== undefined),
    };
  }

  #followAverage(mailbox: LimitsMailbox, { handle, client, functionId, rateLimit }: SessionUpdate): void {
    const { policy } = this.admissions;
    const profile = this.profiler.getProfile(client);
    const settings = settingsFor(profile, policy, this.admissions.promiseOf(functionId));
    // Against what is in force, so that many small steps are followed as one large one is.
    if (isWorthWriting(settings.rateLimit, rateLimit)) mailbox.write(handle, publishedLimits(settings));
  }
}
