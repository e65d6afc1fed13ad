import { Random } from '../../numeric/random.js';
import { type ExtraTree, type TreeExamples, TreeGrower } from './extra-tree.js';
import { DAY } from './load-history.js';

/** Examples that are kept: eight days of minutes. */
const KEPT = 8 * DAY;
const TREES = 64;
/** Before so many examples nothing is told. */
const LEAST = 240;
const OPTIONS = { sample: 1000, leaf: 6, prior: 0.5 };
/** Columns that are tried at a node, of all. */
const TRIED = 0.4;

/**
 * What is left over by a linear forecast, by a forest that is never done: of the examples of the last days one tree at a
 * time is grown, and takes the place of the oldest. So it follows what changes, at the cost of a tree now and then.
 */
export class ResidualForest {
  readonly #examples: TreeExamples;
  readonly #trees: ExtraTree[] = [];
  readonly #grower: TreeGrower;
  #count = 0;
  #next = 0;

  constructor(columns: number, seed: number) {
    this.#examples = {
      columns,
      rows: new Float32Array(KEPT * columns),
      targets: new Float32Array(KEPT),
      weights: new Float32Array(KEPT),
    };
    const tried = Math.ceil(TRIED * columns);
    this.#grower = new TreeGrower(columns, { ...OPTIONS, tried }, new Random(seed).next);
  }

  /** @param row numbers that are not negative */
  learn(row: Float32Array, target: number, weight: number): void {
    if (!Number.isFinite(target) || !(weight > 0)) return;
    const at = this.#count++ % KEPT;
    const { columns, rows, targets, weights } = this.#examples;
    rows.set(row, at * columns);
    targets[at] = target;
    weights[at] = weight;
  }

  /** Grows a tree of what there is. */
  grow(): void {
    if (this.#count < LEAST) return;
    this.#trees[this.#next++ % TREES] = this.#grower.grow(this.#examples, Math.min(this.#count, KEPT));
  }

  /** The mean of what the trees say of a row; 0 before there are any. */
  predict(row: Float32Array): number {
    const bits = new Int32Array(row.buffer, row.byteOffset, row.length);
    let sum = 0;
    for (const tree of this.#trees) sum += tree.predict(bits);
    return sum / Math.max(1, this.#trees.length);
  }
}
