import type { Flow } from './flow-rows.js';

/** Deviations of the logarithms of the factors on sizes and times. */
const SIZE_DEVIATION = 0.4;
const TIME_DEVIATION = 0.2;
/** Single packets differ from their flow by up to this share. */
const JITTER = 0.2;

/** A number of mean 0 and deviation 1 (Box and Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * The same flow as somebody else's: larger or smaller, faster or slower. What a model could learn by heart, the exact sizes
 * of one capture's programs, is no longer there.
 */
export function varied(flow: Flow, random: () => number): Flow {
  const size = Math.exp(normal(random) * SIZE_DEVIATION);
  const time = Math.exp(normal(random) * TIME_DEVIATION);
  return {
    ...flow,
    times: flow.times.map((at) => at * time),
    bytes: flow.bytes.map((bytes) => Math.max(1, Math.round(bytes * size * (1 + (random() * 2 - 1) * JITTER)))),
  };
}
