import { Bench } from 'tinybench';

/** Work of ours and what it is held against. */
export interface Pair {
  name: string;
  ours: () => void;
  /** What it is held against, and its name. */
  baseline: () => void;
  against: string;
}

/** Takes what is reckoned, so that no compiler leaves the work out. */
export const sink = { sum: 0 };

const ROUNDS = 5;
/** Work is repeated until one measured call takes so long, ms: then the clock weighs little. */
const CALL_MS = 0.2;
/** Calls before that is found out: by then it is compiled. */
const WARM = 200;

interface Measured {
  call: () => void;
  times: number;
}

function measured(work: () => void): Measured {
  for (let i = 0; i < WARM; i++) work();
  for (let times = 1; ; times *= 2) {
    const call = (): void => {
      for (let i = 0; i < times; i++) work();
    };
    const start = performance.now();
    call();
    if (performance.now() - start >= CALL_MS) return { call, times };
  }
}

const quartile = (sorted: readonly number[], part: number): number => sorted[Math.floor((sorted.length - 1) * part)];

/** Runs pairs in turns, and prints medians and the ratio with its quartiles over the rounds. */
export async function printRatios(pairs: readonly Pair[]): Promise<void> {
  const rows = [];
  for (const { name, ours, baseline, against } of pairs) {
    const sides = [measured(ours), measured(baseline)];
    const mine: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const bench = new Bench({ time: 200, warmupTime: 20 });
      sides.forEach(({ call }, i) => void bench.add(`${i}`, call));
      await bench.run();
      const [a, b] = bench.tasks.map(({ result }, i) =>
        'latency' in result ? (result.latency.p50 * 1e6) / sides[i].times : Number.NaN,
      );
      mine.push(a);
      ratios.push(b / a);
    }
    mine.sort((a, b) => a - b);
    ratios.sort((a, b) => a - b);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quartile(ratios, part).toFixed(2));
    rows.push({
      what: name,
      'ns each': Number(quartile(mine, 0.5).toFixed(0)),
      against,
      ratio: `${middle} (${low} to ${high})`,
    });
  }
  console.table(rows);
}
