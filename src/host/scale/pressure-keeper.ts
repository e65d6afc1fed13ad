import {
  ANNOUNCED_MS,
  PRESSURE_STEPS,
  PressureLadder,
  type PressurePolicy,
  type PressureReading,
  type PressureStep,
} from '../../scale/pressure/pressure-ladder.js';
import type { PressureOrders, ToShard } from '../shard/messages.js';

const EVERY_MS = 1000;
/** Looks of which the least lag and the least loss count: one stall of the machine is no pressure. */
const LOOKS = 3;
/** What is left of limits and buffers where they shrink. */
export const SHRUNK = 0.5;
/** Seconds after which a client that finds no room is to come again. */
const RETRY_SECONDS = 5;

/** What follows from pressure, in the host. */
export interface PressureHooks {
  /** As it is at one look: lag and loss are smoothed here. */
  read(): PressureReading;
  /** What has been unusual about the host of late, in words; null: nothing. */
  unusual(): string | null;
  tellShards(message: ToShard): void;
  setHeadroom(headroom: number): void;
  onStep(step: PressureStep, from: PressureStep, reading: PressureReading): void;
}

/** Looks each second at how full the host is, and has done what the ladder says. */
export class PressureKeeper {
  readonly ladder: PressureLadder;
  #timer: NodeJS.Timeout | undefined;
  #lately: PressureReading[] = [];

  constructor(
    policy: PressurePolicy,
    readonly hooks: PressureHooks,
  ) {
    this.ladder = new PressureLadder(policy);
  }

  get orders(): PressureOrders {
    const at = PRESSURE_STEPS.indexOf(this.ladder.step);
    return {
      refuses: at >= PRESSURE_STEPS.indexOf('refuse'),
      drops: at >= PRESSURE_STEPS.indexOf('drop'),
      retrySeconds: RETRY_SECONDS,
    };
  }

  start(): void {
    this.#timer = setInterval(() => this.look(performance.now()), EVERY_MS);
    this.#timer.unref();
  }

  /** A look at the pressure, at `now` ms. */
  look(now: number): void {
    const read = this.hooks.read();
    this.#lately.push(read);
    if (this.#lately.length > LOOKS) this.#lately.shift();
    const reading = { ...read, lagMs: this.#leastOf('lagMs'), lost: this.#leastOf('lost') };
    const from = this.ladder.step;
    const { step, announces } = this.ladder.look(reading, now);
    if (announces) {
      const unusual = this.hooks.unusual();
      const reason = `the host is about to be full${unusual === null ? '' : `; ${unusual}`}`;
      this.hooks.tellShards({ type: 'limitsAhead', headroom: SHRUNK, inMs: ANNOUNCED_MS, reason });
    }
    if (step === from) return;
    const isShrunk = PRESSURE_STEPS.indexOf(step) >= PRESSURE_STEPS.indexOf('shrink');
    this.hooks.setHeadroom(isShrunk ? SHRUNK : 1);
    this.hooks.tellShards({ type: 'pressure', orders: this.orders });
    this.hooks.onStep(step, from, reading);
  }

  #leastOf(name: 'lagMs' | 'lost'): number {
    return this.#lately.length < LOOKS ? 0 : Math.min(...this.#lately.map((reading) => reading[name]));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
