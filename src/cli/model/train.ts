import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { crossValidated, predictWith } from '../../predict/evaluation/cross-validation.js';
import { scoreFlows } from '../../predict/evaluation/flow-scores.js';
import { foldsByCapture } from '../../predict/evaluation/folds.js';
import { writeAtomically } from '../../predict/store/atomic-file.js';
import { cardOf, sha256 } from '../../predict/store/model-card.js';
import { allFlowRows, type FlowRows } from '../../predict/training/flow-rows.js';
import { DEFAULT_TRAINING, type TrainOptions, train } from '../../predict/training/trainer.js';
import { writing } from '../output.js';
import { Checkpoint } from './checkpoint.js';
import { foldBar } from './eval.js';
import { readFlows } from './flow-file.js';

export interface TrainCommandOptions {
  labels?: string;
  out: string;
  name: string;
  iterations: number;
  seed: number;
  /** One capture in so many is kept out to validate on, as it goes; 0: none. */
  validate: number;
  /** Scores for the card, by models that have not seen the capture. */
  folds?: number;
  fresh?: boolean;
}

/** Figures of the card. */
const FIGURES = ['rateRatio', 'pinballRatio', 'aboveHigh', 'typeAccuracy10', 'behaviourAccuracy', 'openRatio1'];
const MORE_FIGURES = ['openRatio5', 'delayed4', 'flows', 'steps'];

function figuresOf(scores: Record<string, number>): Record<string, number> {
  return Object.fromEntries([...FIGURES, ...MORE_FIGURES].map((name) => [name, Number(scores[name].toFixed(4))]));
}

/** Flows to train on, and flows to validate on. */
function parted(rows: readonly FlowRows[], share: number): { seen: FlowRows[]; kept: FlowRows[] } {
  const captures = new Set(rows.map(({ capture }) => capture)).size;
  if (share < 2 || captures < share) return { seen: [...rows], kept: [] };
  const folds = foldsByCapture(rows, share);
  return { seen: rows.filter((_, i) => folds[i] !== 0), kept: rows.filter((_, i) => folds[i] === 0) };
}

async function trainWithProgress(
  rows: readonly FlowRows[],
  kept: readonly FlowRows[],
  options: TrainOptions,
  checkpoint: Checkpoint,
): Promise<{ model: Uint8Array; loss: number }> {
  const format = '{bar} {percentage} % | loss {loss}{validation}';
  const bar = new SingleBar({ format, stream: process.stderr });
  const told = { loss: '', validation: '' };
  if (process.stderr.isTTY) bar.start(options.iterations * options.members, 0, told);
  try {
    return await train(rows, {
      ...options,
      onProgress: (iteration, value) => {
        told.loss = value.toFixed(4);
        if (bar.isActive) bar.update(iteration, told);
      },
      onCheckpoint: async (state, model) => {
        await checkpoint.save(state);
        if (kept.length === 0 || !bar.isActive) return;
        const { rateRatio, pinballRatio } = scoreFlows(kept, await predictWith(model(), kept));
        told.validation = ` | of the average's error ${rateRatio.toFixed(3)}, of its band's ${pinballRatio.toFixed(3)}`;
      },
    });
  } finally {
    bar.stop();
  }
}

/**
 * Runs `tidegate train`: writes the model and its card into the folder, aside first, so that a broken run leaves the old ones.
 * A run that was broken off is gone on with.
 */
export async function trainCommand(files: readonly string[], options: TrainCommandOptions): Promise<void> {
  const { out, name, iterations, seed, folds } = options;
  // Before the work, not after it.
  await writing(`to ${out}`, () => mkdir(out, { recursive: true }));
  const flows = (await Promise.all(files.map((file) => readFlows(file, options.labels)))).flat();
  const rows = allFlowRows(flows);
  const { seen, kept } = parted(rows, options.validate);
  const training = { ...DEFAULT_TRAINING, iterations, seed };
  let metrics: Record<string, number> = {};
  if (folds !== undefined) {
    const bar = foldBar(folds, training);
    metrics = figuresOf(scoreFlows(rows, await crossValidated(rows, folds, training, bar.onProgress)));
    bar.stop();
  }
  const packets = seen.reduce((sum, { flow }) => sum + flow.times.length, 0);
  const signature = sha256(Buffer.from(JSON.stringify([training, seen.length, packets, process.version])));
  const checkpoint = new Checkpoint(join(out, `${name}.checkpoint`), signature);
  const resume = options.fresh ? null : await checkpoint.load();
  if (resume !== null) process.stderr.write(`going on from ${checkpoint.path}\n`);
  const started = performance.now();
  const done = (resume?.members.length ?? 0) * iterations + (resume?.fitting?.iteration ?? 0);
  const { model, loss } = await trainWithProgress(
    seen,
    kept,
    { ...training, ...(resume === null ? {} : { resume }) },
    checkpoint,
  );
  const seconds = (performance.now() - started) / 1000;
  if (kept.length > 0) {
    const scores = scoreFlows(kept, await predictWith(model, kept));
    metrics = { ...metrics, validationRateRatio: scores.rateRatio, validationPinballRatio: scores.pinballRatio };
  }
  const steps = seen.reduce((sum, row) => sum + row.steps.length, 0);
  const card = cardOf(model, {
    parent: null,
    command: `tidegate train ${files.map((file) => basename(file)).join(' ')}${options.labels === undefined ? '' : ` --labels ${basename(options.labels)}`} --iterations ${iterations} --seed ${seed} --validate ${options.validate}${folds === undefined ? '' : ` --folds ${folds}`}`,
    data: {
      sources: files.map((file) => basename(file)),
      sequences: seen.length,
      steps,
      from: null,
      to: null,
      split: folds === undefined ? `by capture, ${kept.length} flows kept out` : `by capture, ${folds} folds`,
    },
    metrics: { ...metrics, loss },
  });
  const file = join(out, `${name}.onnx`);
  await writing(file, async () => {
    await writeAtomically(file, model);
    await writeAtomically(join(out, `${name}.json`), `${JSON.stringify(card, null, 2)}\n`);
    await checkpoint.remove();
  });
  const rate = ((iterations * training.members - done) * training.batch.sequences) / seconds;
  const validated =
    kept.length === 0 ? '' : `, validated at ${metrics.validationRateRatio.toFixed(3)} of the average's error`;
  console.log(`${file}: ${seen.length} flows, loss ${loss.toFixed(4)}${validated}, ${Math.round(rate)} sequences/s`);
}
