/** Confidence with which one is said to be better. */
const CONFIDENCE = 0.95;
const RESAMPLES = 2000;

export interface Comparison {
  /** Mean difference: below 0 the challenger is better. */
  difference: number;
  /** Bounds within which the difference lies with 90 %. */
  low: number;
  high: number;
}

/**
 * Paired bootstrap (Efron and Tibshirani 1993) of the difference of two models' losses on the same sequences: these are drawn
 * anew, with replacement, many times.
 */
export function pairedBootstrap(
  champion: readonly number[],
  challenger: readonly number[],
  random: () => number,
): Comparison {
  const count = champion.length;
  const differences = challenger.map((loss, i) => loss - champion[i]);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += differences[Math.floor(random() * count)];
    return sum / count;
  }).sort((a, b) => a - b);
  return {
    difference: differences.reduce((sum, value) => sum + value, 0) / count,
    low: means[Math.floor((1 - CONFIDENCE) * RESAMPLES)],
    high: means[Math.ceil(CONFIDENCE * RESAMPLES) - 1],
  };
}
