import type { Flow } from './flow-rows.js';

/** Packets of a flow at most. */
const MOST_PACKETS = 4000;

const logUniform = (random: () => number, least: number, most: number): number => least * (most / least) ** random();

/** Times of packets until `end`, each so long after the one before as `gap` says, ms. */
function arrivals(end: number, gap: () => number): number[] {
  const times: number[] = [];
  for (let at = 0; at < end && times.length < MOST_PACKETS; at += gap()) times.push(at);
  return times;
}

const exponential = (random: () => number, mean: number): number => -mean * Math.log(1 - random());

/** Kinds of traffic, by the times of their packets. */
const KINDS: readonly ((random: () => number, end: number) => number[])[] = [
  // Steady, with jitter.
  (random, end) => {
    const gap = logUniform(random, 10, 3000);
    return arrivals(end, () => gap * (0.8 + 0.4 * random()));
  },
  // Poisson.
  (random, end) => {
    const mean = logUniform(random, 20, 8000);
    return arrivals(end, () => exponential(random, mean));
  },
  // Bursts at a beat of their own.
  (random, end) => {
    const beat = logUniform(random, 1000, 30_000);
    const size = 1 + Math.floor(logUniform(random, 1, 40));
    return arrivals(end, () => beat * (0.95 + 0.1 * random())).flatMap((at) =>
      Array.from({ length: size }, (_, i) => at + i * 5),
    );
  },
  // On and off for exponential times.
  (random, end) => {
    const [on, off] = [logUniform(random, 1000, 20_000), logUniform(random, 1000, 30_000)];
    const gap = logUniform(random, 10, 300);
    let left = exponential(random, on);
    return arrivals(end, () => {
      left -= gap;
      if (left > 0) return gap;
      left = exponential(random, on);
      return gap + exponential(random, off);
    });
  },
];

/**
 * Traffic of plain kinds over a wide range of sizes and rates. Recorded captures hold few flows that are heavy and go on; a
 * model that has seen none says they are about to end. They bear no label, and are one capture.
 */
export function syntheticFlows(count: number, random: () => number): Flow[] {
  return Array.from({ length: count }, (_, i) => {
    const end = logUniform(random, 8000, 150_000);
    const times = KINDS[i % KINDS.length](random, end).sort((a, b) => a - b);
    const size = logUniform(random, 40, 60_000);
    const spread = random();
    const share = random();
    const isEcho = random() < 0.3;
    return {
      name: `synthetic-${i}`,
      capture: 'synthetic',
      label: null,
      times: isEcho ? times.flatMap((at) => [at, at + 1]) : times,
      out: isEcho ? times.flatMap(() => [false, true]) : times.map(() => random() < share),
      bytes: (isEcho ? times.flatMap((at) => [at, at]) : times).map(() =>
        Math.max(1, Math.round(size * (1 - spread * random()))),
      ),
    };
  });
}
