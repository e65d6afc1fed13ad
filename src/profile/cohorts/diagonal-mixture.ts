const LEAST_VARIANCE = 0.05;
/** Examples that a cluster looks back on: what is older fades. */
const MEMORY = 2000;
/** Examples that a new cluster's spread counts before it has its own. */
const PRIOR = 5;

/**
 * Clusters with means and variances by dimension, fitted to one example after the other (online k-means, MacQueen 1967, with
 * diagonal Gaussians for a density): the nearest cluster by density moves towards it by 1 / min(n, memory).
 */
export class DiagonalMixture {
  readonly means: Float64Array;
  readonly variances: Float64Array;
  readonly counts: Float64Array;
  #total = 0;

  constructor(
    readonly clusters: number,
    readonly dimensions: number,
  ) {
    this.means = new Float64Array(clusters * dimensions);
    this.variances = new Float64Array(clusters * dimensions).fill(1);
    this.counts = new Float64Array(clusters);
  }

  /** Goes on from what another was. */
  take({ means, variances, counts }: Pick<DiagonalMixture, 'means' | 'variances' | 'counts'>): void {
    this.means.set(means);
    this.variances.set(variances);
    this.counts.set(counts);
    this.#total = counts.reduce((sum, count) => sum + count, 0);
  }

  /** Log density of an example in a cluster, over the first `dimensions`. */
  density(cluster: number, example: Float64Array, dimensions = this.dimensions): number {
    let sum = 0;
    const at = cluster * this.dimensions;
    for (let d = 0; d < dimensions; d++) {
      const variance = this.variances[at + d];
      sum -= 0.5 * ((example[d] - this.means[at + d]) ** 2 / variance + Math.log(2 * Math.PI * variance));
    }
    return sum;
  }

  #logWeight(cluster: number): number {
    return Math.log((this.counts[cluster] + 0.1) / (this.#total + 0.1 * this.clusters));
  }

  /** Log density of an example in all of it. */
  likelihood(example: Float64Array): number {
    let most = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let cluster = 0; cluster < this.clusters; cluster++) {
      if (this.counts[cluster] === 0) continue;
      const value = this.#logWeight(cluster) + this.density(cluster, example);
      if (value > most) {
        sum = sum * Math.exp(most - value) + 1;
        most = value;
      } else sum += Math.exp(value - most);
    }
    return sum === 0 ? -50 : Math.max(-50, most + Math.log(sum));
  }

  /** Chance of each cluster, by the first `dimensions` of an example. */
  chances(example: Float64Array, dimensions = this.dimensions): Float64Array {
    const chances = new Float64Array(this.clusters);
    let most = Number.NEGATIVE_INFINITY;
    for (let cluster = 0; cluster < this.clusters; cluster++) {
      chances[cluster] =
        this.counts[cluster] === 0
          ? Number.NEGATIVE_INFINITY
          : this.#logWeight(cluster) + this.density(cluster, example, dimensions);
      most = Math.max(most, chances[cluster]);
    }
    let sum = 0;
    for (let cluster = 0; cluster < this.clusters; cluster++) {
      chances[cluster] = Math.exp(chances[cluster] - most);
      sum += chances[cluster];
    }
    for (let cluster = 0; cluster < this.clusters; cluster++) chances[cluster] /= sum;
    return chances;
  }

  /** Takes an example. Returns the cluster that it went to. */
  learn(example: Float64Array): number {
    const cluster = this.#nearest(example);
    const at = cluster * this.dimensions;
    const count = ++this.counts[cluster];
    this.#total++;
    const step = 1 / Math.min(count, MEMORY);
    for (let d = 0; d < this.dimensions; d++) {
      const away = example[d] - this.means[at + d];
      this.means[at + d] += step * away;
      const spread = away * (example[d] - this.means[at + d]);
      const weight = 1 / Math.min(count + PRIOR, MEMORY);
      this.variances[at + d] = Math.max(
        LEAST_VARIANCE,
        this.variances[at + d] + weight * (spread - this.variances[at + d]),
      );
    }
    return cluster;
  }

  /** An empty cluster takes what is far from all others. */
  #nearest(example: Float64Array): number {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    let empty = -1;
    for (let cluster = 0; cluster < this.clusters; cluster++) {
      if (this.counts[cluster] === 0) {
        if (empty < 0) empty = cluster;
        continue;
      }
      const value = this.density(cluster, example);
      if (value > most) [best, most] = [cluster, value];
    }
    if (best < 0) return empty;
    return empty >= 0 && most < -3 * this.dimensions ? empty : best;
  }
}
