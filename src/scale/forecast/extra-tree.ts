/** Examples that trees are grown from: `columns` numbers a row, none negative, what came of it, and what it counts. */
export interface TreeExamples {
  columns: number;
  rows: Float32Array;
  targets: Float32Array;
  weights: Float32Array;
}

export interface TreeOptions {
  /** Examples of a tree, and of a leaf at least. */
  sample: number;
  leaf: number;
  /** Columns that are tried at a node. */
  tried: number;
  /** What is counted to a leaf besides, of target 0, in mean weights: leaves of few examples say little. */
  prior: number;
}

/** Examples that the range of a column is taken from. */
const LOOK = 32;

/** A part of the sample that is still to be parted, and its node. */
interface Pending {
  node: number;
  from: number;
  to: number;
}

/**
 * Grows extremely randomised regression trees (Geurts, Ernst & Wehenkel 2006): at each node a threshold is drawn for some
 * columns between the least and the most that there is, and the one that parts the targets best is taken. No sorting.
 *
 * Numbers that are not negative have the order of their bits: they are compared as integers, without a branch, which
 * a processor would guess wrong half of the time.
 */
export class TreeGrower {
  /** The sample, column by column. */
  readonly #bits: Int32Array[];
  readonly #weighted: Float64Array;
  readonly #weights: Float64Array;
  readonly #order: Int32Array;

  constructor(
    columns: number,
    readonly options: TreeOptions,
    readonly random: () => number,
  ) {
    const { sample } = options;
    this.#bits = Array.from({ length: columns }, () => new Int32Array(sample));
    this.#weighted = new Float64Array(sample);
    this.#weights = new Float64Array(sample);
    this.#order = new Int32Array(sample);
  }

  /** A tree from a sample of the first `count` examples, drawn with replacement. */
  grow(examples: TreeExamples, count: number): ExtraTree {
    const { sample, leaf } = this.options;
    const drawn = Math.min(sample, count);
    const tree = new ExtraTree(2 * Math.max(1, Math.floor(drawn / leaf)));
    const prior = (this.options.prior * this.#draw(examples, count, drawn)) / drawn;
    const pending: Pending[] = [{ node: 0, from: 0, to: drawn }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { node, from, to } = next;
      let [sum, weight] = [0, 0];
      for (let k = from; k < to; k++) {
        const i = this.#order[k];
        sum += this.#weighted[i];
        weight += this.#weights[i];
      }
      tree.value[node] = sum / (weight + prior);
      const split = to - from < 2 * leaf ? null : this.#split(from, to, sum, weight);
      if (split === null) continue;
      const middle = this.#part(from, to, split.column, split.threshold);
      const below = tree.divide(node, split.column, split.threshold);
      pending.push({ node: below, from, to: middle }, { node: below + 1, from: middle, to });
    }
    return tree;
  }

  /** Returns the weights' sum. */
  #draw({ columns, rows, targets, weights }: TreeExamples, count: number, drawn: number): number {
    const bits = new Int32Array(rows.buffer, rows.byteOffset, rows.length);
    const sample = this.#bits;
    const weighted = this.#weighted;
    const own = this.#weights;
    let total = 0;
    for (let k = 0; k < drawn; k++) {
      const i = Math.floor(this.random() * count);
      for (let c = 0, at = i * columns; c < columns; c++, at++) sample[c][k] = bits[at];
      weighted[k] = weights[i] * targets[i];
      own[k] = weights[i];
      this.#order[k] = k;
      total += weights[i];
    }
    return total;
  }

  #split(from: number, to: number, sum: number, weight: number): { column: number; threshold: number } | null {
    const order = this.#order;
    const weighted = this.#weighted;
    const weights = this.#weights;
    const { leaf, tried } = this.options;
    const step = Math.max(1, Math.floor((to - from) / LOOK));
    let [best, column, threshold] = [0, -1, 0];
    for (let n = 0; n < tried; n++) {
      const c = Math.floor(this.random() * this.#bits.length);
      const bits = this.#bits[c];
      let low = bits[order[from]];
      let high = low;
      for (let k = from + step; k < to; k += step) {
        const x = bits[order[k]];
        if (x < low) low = x;
        if (x > high) high = x;
      }
      if (low === high) continue;
      const cut = (low + this.random() * (high - low)) | 0;
      let [left, leftWeight, count] = [0, 0, 0];
      for (let k = from; k < to; k++) {
        const i = order[k];
        const isLeft = (bits[i] - cut - 1) >>> 31;
        left += isLeft * weighted[i];
        leftWeight += isLeft * weights[i];
        count += isLeft;
      }
      if (count < leaf || to - from - count < leaf) continue;
      const right = sum - left;
      const gain = (left * left) / leftWeight + (right * right) / (weight - leftWeight) - (sum * sum) / weight;
      if (gain > best) [best, column, threshold] = [gain, c, cut];
    }
    return column < 0 ? null : { column, threshold };
  }

  /** Puts those first that are not above the threshold. Returns where the others begin. */
  #part(from: number, to: number, column: number, threshold: number): number {
    const bits = this.#bits[column];
    const order = this.#order;
    let middle = from;
    for (let k = from; k < to; k++) {
      const i = order[k];
      if (bits[i] > threshold) continue;
      order[k] = order[middle];
      order[middle++] = i;
    }
    return middle;
  }
}

/** A regression tree in arrays. */
export class ExtraTree {
  /** Column of a node; -1: a leaf. */
  readonly #column: Int16Array;
  readonly #threshold: Int32Array;
  /** The first of the two nodes below. */
  readonly #below: Uint16Array;
  readonly value: Float32Array;
  #nodes = 1;

  constructor(most: number) {
    this.#column = new Int16Array(most).fill(-1);
    this.#threshold = new Int32Array(most);
    this.#below = new Uint16Array(most);
    this.value = new Float32Array(most);
  }

  /** Two nodes below a node: where the bits of the column are at most the threshold, and the other. Returns the first. */
  divide(node: number, column: number, threshold: number): number {
    const below = this.#nodes;
    this.#column[node] = column;
    this.#threshold[node] = threshold;
    this.#below[node] = below;
    this.#nodes += 2;
    return below;
  }

  /** What is told of a row, given as the bits of its numbers. */
  predict(bits: Int32Array): number {
    let node = 0;
    for (let column = this.#column[0]; column >= 0; column = this.#column[node]) {
      node = this.#below[node] + (bits[column] > this.#threshold[node] ? 1 : 0);
    }
    return this.value[node];
  }
}
