import { inspect } from 'node:util';
import { TidegateError } from '../quic/errors.js';

/** Token buckets of one direction. Infinity is no limit. */
export interface Limits {
  /** bytes/s, and the bytes that may come at once. */
  rate: number;
  burst: number;
  /** packets/s (a datagram, a stream chunk), and the packets that may come at once. */
  packetRate: number;
  packetBurst: number;
}

export const NO_LIMITS: Readonly<Limits> = {
  rate: Number.POSITIVE_INFINITY,
  burst: Number.POSITIVE_INFINITY,
  packetRate: Number.POSITIVE_INFINITY,
  packetBurst: Number.POSITIVE_INFINITY,
};

/** Throws TIDEGATE_E_CORE, naming the value, where one is no number from 0 on. */
export function checkFromZero<Name extends string>(
  values: Readonly<Record<Name, unknown>>,
  names: readonly Name[],
): void {
  for (const name of names) {
    const value = values[name];
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new TidegateError('TIDEGATE_E_CORE', `${name} is ${inspect(value)}, not a number from 0 on`);
    }
  }
}

/** Throws TIDEGATE_E_CORE, naming the limit, where one is no number from 0 on. */
export function checkLimits(limits: Limits): void {
  checkFromZero(limits, ['rate', 'burst', 'packetRate', 'packetBurst']);
}
