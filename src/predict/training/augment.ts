import { normalDeviate } from '../../numeric/normal-deviate.js';
import type { Flow } from './flow-rows.js';

/** Deviations of the logarithms of the factors on sizes and times. */
const SIZE_DEVIATION = 0.4;
const TIME_DEVIATION = 0.2;
/** Single packets differ from their flow by up to this share. */
const JITTER = 0.2;

/**
 * The same flow as somebody else's: larger or smaller, faster or slower. What a model could learn by heart, the exact sizes
 * of one capture's programs, is no longer there.
 */
export function varied(flow: Flow, random: () => number): Flow {
  const size = Math.exp(normalDeviate(random) * SIZE_DEVIATION);
  const time = Math.exp(normalDeviate(random) * TIME_DEVIATION);
  return {
    ...flow,
    times: flow.times.map((at) => at * time),
    bytes: flow.bytes.map((bytes) => Math.max(1, Math.round(bytes * size * (1 + (random() * 2 - 1) * JITTER)))),
  };
}
