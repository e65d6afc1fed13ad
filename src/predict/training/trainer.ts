import { Random } from '../../numeric/random.js';
import { encodeModel } from '../graph/encode.js';
import type { Normalisation } from '../model/normalised.js';
import { beginAsAverage, DEFAULT_WIDTHS, ignore, initialParameters, type ModelSize } from '../model/parameters.js';
import { type Networks, predictGraph } from '../model/predict-graph.js';
import { type BatchShape, corrections, TARGET_COLUMNS, trainGraph } from '../model/train-graph.js';
import { OnnxSession } from '../runtime.js';
import { varied } from './augment.js';
import { Batches } from './batches.js';
import { allFlowRows, type Sequence } from './flow-rows.js';
import { normalisationOf } from './normalisation.js';
import { syntheticFlows } from './synthetic.js';

/** One network on its way. */
interface Fitting {
  iteration: number;
  parameters: Float32Array;
  /** Adam's moments, and the average over the path, which is what is kept. */
  first: Float32Array;
  second: Float32Array;
  average: Float32Array;
}

/** Where training stands: enough to go on from it later, to the same end. */
export interface TrainingState {
  members: Float32Array[];
  fitting: Fitting | null;
  /** Of the random numbers. */
  random: number;
  loss: number;
}

export interface TrainOptions {
  /** Steps of the optimiser. */
  iterations: number;
  seed: number;
  batch: BatchShape;
  /** Adam's step, at its largest. */
  rate: number;
  decay: number;
  /** Networks that are trained apart, and whose mean is the model. */
  members: number;
  /** Variants of each flow that are trained on beside it: see {@link varied}. */
  variants: number;
  /** Flows of plain kinds that are trained on beside it: see {@link syntheticFlows}. */
  synthetic: number;
  /** A model to go on from: its networks are fitted on, in as many as there are. */
  from?: Networks;
  /** Where a run that was broken off stood. */
  resume?: TrainingState;
  /** Told the mean loss since it was told last. */
  onProgress?: (iteration: number, loss: number) => void;
  /** Given the state now and then, to keep it, and what makes a model of it as it stands. */
  onCheckpoint?: (state: TrainingState, model: () => Uint8Array) => Promise<void>;
  /** Awaited after each iteration: whoever shares the processor can hold it up here. */
  pause?: () => Promise<void>;
}

export const DEFAULT_TRAINING: TrainOptions = {
  iterations: 600,
  seed: 1,
  batch: { sequences: 64, steps: 32 },
  rate: 3e-3,
  decay: 0.3,
  members: 4,
  variants: 3,
  synthetic: 40,
};

/** Iterations between two words on the progress, and between two states that are kept. */
const REPORT_EVERY = 50;
const CHECKPOINT_EVERY = 100;
const WARM_UP = 100;
/** Of the average over the path of the parameters, which is what is kept (Polyak and Juditsky 1992). */
const AVERAGE_MEMORY = 0.99;

export interface TrainedModel {
  /** The ONNX file. */
  model: Uint8Array;
  /** Mean loss of the last iterations. */
  loss: number;
}

/** The step's size: a short way up, then a cosine down to nothing (Loshchilov and Hutter 2017). */
function rateAt({ rate, iterations }: TrainOptions, iteration: number): number {
  const up = Math.min(1, iteration / Math.min(WARM_UP, iterations));
  return rate * up * 0.5 * (1 + Math.cos((Math.PI * iteration) / iterations));
}

/** Fits networks to batches, one after the other. */
class Training {
  readonly state: TrainingState;

  constructor(
    readonly size: ModelSize,
    readonly normalisation: Normalisation,
    readonly session: OnnxSession,
    readonly batches: Batches,
    readonly random: Random,
    readonly options: TrainOptions,
  ) {
    this.state = options.resume ?? { members: [], fitting: null, random: random.state, loss: 0 };
    random.state = this.state.random;
  }

  /** Fits one more network; `start` makes its first parameters. */
  async member(start: (index: number) => Float32Array): Promise<void> {
    const { state, options } = this;
    if (state.fitting === null) {
      const parameters = start(state.members.length);
      state.fitting = {
        iteration: 0,
        parameters,
        first: new Float32Array(parameters.length),
        second: new Float32Array(parameters.length),
        average: parameters.slice(),
      };
    }
    const { fitting } = state;
    const before = state.members.length * options.iterations;
    let [sum, count] = [0, 0];
    while (fitting.iteration < options.iterations) {
      sum += await this.#iterate(fitting);
      count++;
      const { iteration } = fitting;
      const isLast = iteration === options.iterations;
      if (iteration % REPORT_EVERY === 0 || isLast) {
        state.loss = sum / count;
        [sum, count] = [0, 0];
        options.onProgress?.(before + iteration, state.loss);
      }
      if (iteration % CHECKPOINT_EVERY === 0 && !isLast) await this.#checkpoint();
      await options.pause?.();
    }
    state.members.push(fitting.average);
    state.fitting = null;
    await this.#checkpoint();
  }

  async #checkpoint(): Promise<void> {
    this.state.random = this.random.state;
    await this.options.onCheckpoint?.(this.state, () => this.model());
  }

  /** The model as it stands. */
  model(): Uint8Array {
    const { members, fitting } = this.state;
    const all = fitting === null ? members : [...members, fitting.average];
    return encodeModel(predictGraph(this.size, this.normalisation, all));
  }

  /** One step of the optimiser. Returns the loss. */
  async #iterate(fitting: Fitting): Promise<number> {
    const { options, size } = this;
    const iteration = ++fitting.iteration;
    const batch = this.batches.next();
    const [correction1, correction2] = corrections(iteration);
    const rows = options.batch.sequences * options.batch.steps;
    const vector = { shape: [1, fitting.parameters.length] };
    const one = (value: number) => ({ shape: [1, 1], data: Float32Array.of(value) });
    const results = await this.session.run({
      features: { shape: [rows, size.features], data: batch.features },
      dropout: { shape: [rows, size.features], data: batch.dropout },
      keep: { shape: [rows, 1], data: batch.keep },
      targets: { shape: [rows, TARGET_COLUMNS], data: batch.targets },
      parameters: { ...vector, data: fitting.parameters },
      first: { ...vector, data: fitting.first },
      second: { ...vector, data: fitting.second },
      rate: one(rateAt(options, iteration)),
      correction1: one(correction1),
      correction2: one(correction2),
      decay: one(options.decay),
    });
    fitting.parameters = results.newParameters;
    fitting.first = results.newFirst;
    fitting.second = results.newSecond;
    const { average, parameters } = fitting;
    const share = Math.max(1 - AVERAGE_MEMORY, 1 / iteration);
    for (let i = 0; i < average.length; i++) average[i] += share * (parameters[i] - average[i]);
    return results.loss[0];
  }
}

/** Fits a model to flows: its members one after the other. All arithmetic is onnxruntime's, in one thread. */
export async function train(
  rows: readonly Sequence[],
  options: TrainOptions = DEFAULT_TRAINING,
): Promise<TrainedModel> {
  const random = new Random(options.seed);
  const strangers = Array.from({ length: options.variants }, () =>
    allFlowRows(rows.flatMap(({ flow }) => (flow === null ? [] : [varied(flow, random.next)]))),
  );
  const plain = allFlowRows(syntheticFlows(options.synthetic, random.next));
  const batches = new Batches([...rows, ...strangers.flat(), ...plain], options.batch, random.next);
  const size: ModelSize = options.from?.size ?? { features: batches.width, ...DEFAULT_WIDTHS };
  const { normalisation, constant } =
    options.from === undefined ? normalisationOf(rows, size.features) : { ...options.from, constant: [] };
  const session = await OnnxSession.create(encodeModel(trainGraph(size, normalisation, options.batch)));
  const training = new Training(size, normalisation, session, batches, random, options);
  const start = (index: number): Float32Array => {
    if (options.from !== undefined) return options.from.members[index].slice();
    const parameters = initialParameters(size, random.next);
    beginAsAverage(parameters, size, normalisation);
    ignore(parameters, size, constant);
    return parameters;
  };
  const members = options.from?.members.length ?? options.members;
  try {
    while (training.state.members.length < members) await training.member(start);
  } finally {
    await session.release();
  }
  return { model: training.model(), loss: training.state.loss };
}
