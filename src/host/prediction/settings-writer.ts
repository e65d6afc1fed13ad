import {
  isWorthWriting,
  levelOf,
  publishedLimits,
  rateLimitOf,
  type SettingsPolicy,
  type SettingsPromise,
  type SocketSettings,
  settingsFor,
} from '../../adapt/settings.js';
import type { LimitsMailbox } from '../../core/limits-mailbox.js';
import { sigmoid } from '../../predict/feedback/feedback.js';
import { OUTPUT_COLUMNS, OUTPUTS } from '../../predict/model/outputs.js';
import { grown } from '../../predict/places.js';
import { rateOf } from '../../predict/serving/forecast.js';
import { ERROR_SCENARIOS } from '../../profile/behavioral-profile.js';

/** What a prediction may fall by in a tick: it rises at once, as the data is about to come. */
const FALL = 0.8;

/** Turns what a model says into limits in the session records, where they changed enough. Sessions are told by slot. */
export class SettingsWriter {
  /** By slot: whose it is; rate and limit as they are followed; the limit and the level written last. */
  #owner = new Int32Array(0);
  #rate = new Float32Array(0);
  #suggested = new Float32Array(0);
  #written = new Float32Array(0);
  #level = new Uint8Array(0);
  /** Bytes of buffer that were written last; of one that is not the owner's they count for nothing. */
  #buffer = new Float64Array(0);
  /** What functions promise, of those that promise something. */
  readonly #promises = new Map<number, SettingsPromise>();
  readonly #prediction = {
    predictedDataRate: 0,
    predictedSecurityRisk: 0,
    predictedRateLimit: 0,
    predictedErrors: { reset: 0, limit: 0, malformed: 0, slow: 0, timeout: 0 },
  };

  constructor(
    readonly mailbox: LimitsMailbox,
    readonly policy: SettingsPolicy,
    readonly tickSeconds: number,
  ) {}

  promise(handle: number, promise: SettingsPromise | null): void {
    if (promise === null) this.#promises.delete(handle);
    else this.#promises.set(handle, promise);
  }

  closed(handle: number): void {
    this.#promises.delete(handle);
  }

  /** Bytes that a session's buffer may take. */
  bufferOf(handle: number, place: number): number {
    return place < this.#owner.length && this.#owner[place] === handle ? this.#buffer[place] : 0;
  }

  /** Writes the limits of a session, of which row `row` of a model's outputs was followed, with another buffer. */
  shrink(handle: number, place: number, bufferSize: number, outputs: Float32Array, row: number): void {
    if (this.#owner[place] !== handle) return;
    this.#buffer[place] = bufferSize;
    this.mailbox.write(handle, publishedLimits({ ...this.#settings(handle, place, outputs, row), bufferSize }));
  }

  /** Follows row `row` of a model's outputs. Returns whether limits were written. */
  follow(handle: number, place: number, outputs: Float32Array, row: number): boolean {
    if (place >= this.#owner.length) this.#grow(Math.max(place + 1, this.#owner.length * 2, 64));
    const at = row * OUTPUT_COLUMNS;
    const rate = rateOf(outputs[at + OUTPUTS.rate.at]) / this.tickSeconds;
    const suggested = rateOf(outputs[at + OUTPUTS.limit.at]) / this.tickSeconds;
    // A model that says what is no number leaves things as they are; its live error takes it out of service.
    if (!Number.isFinite(rate + suggested)) return false;
    if (this.#owner[place] === handle) {
      this.#rate[place] = Math.max(rate, this.#rate[place] * FALL);
      this.#suggested[place] = Math.max(suggested, this.#suggested[place] * FALL);
    } else {
      this.#owner[place] = handle;
      this.#rate[place] = rate;
      this.#suggested[place] = suggested;
      this.#written[place] = 0;
    }
    const risk = sigmoid(outputs[at + OUTPUTS.risk.at]);
    const promise = this.#promises.get(handle);
    const limit = rateLimitOf(this.#rate[place], this.#suggested[place], risk, this.policy, promise);
    const level = levelOf(risk);
    // Where bounds hold the limit, the level is all that changes.
    if (!isWorthWriting(limit, this.#written[place]) && level === this.#level[place]) return false;
    this.#written[place] = limit;
    this.#level[place] = level;
    const settings = this.#settings(handle, place, outputs, row);
    this.#buffer[place] = settings.bufferSize;
    return this.mailbox.write(handle, publishedLimits(settings));
  }

  /** What is followed of a session as its settings. */
  #settings(handle: number, place: number, outputs: Float32Array, row: number): SocketSettings {
    const at = row * OUTPUT_COLUMNS;
    const prediction = this.#prediction;
    prediction.predictedDataRate = this.#rate[place];
    prediction.predictedRateLimit = this.#suggested[place];
    prediction.predictedSecurityRisk = sigmoid(outputs[at + OUTPUTS.risk.at]);
    for (let i = 0; i < ERROR_SCENARIOS.length; i++) {
      prediction.predictedErrors[ERROR_SCENARIOS[i]] = sigmoid(outputs[at + OUTPUTS.errors.at + i]);
    }
    return settingsFor(prediction, this.policy, this.#promises.get(handle));
  }

  #grow(places: number): void {
    this.#owner = grown(this.#owner, places);
    this.#rate = grown(this.#rate, places);
    this.#suggested = grown(this.#suggested, places);
    this.#written = grown(this.#written, places);
    this.#level = grown(this.#level, places);
    this.#buffer = grown(this.#buffer, places);
  }
}
