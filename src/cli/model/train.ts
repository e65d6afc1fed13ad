import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { allFlowRows } from '../../predict/training/flow-rows.js';
import { DEFAULT_TRAINING, train } from '../../predict/training/trainer.js';
import { TidegateError } from '../../quic/errors.js';
import { readFlows } from './flow-file.js';

export interface TrainCommandOptions {
  labels?: string;
  out: string;
  iterations: number;
  seed: number;
}

/** Runs `tidegate train`: writes `model.onnx` into the folder, aside first, so that a broken run leaves the old one. */
export async function trainCommand(files: readonly string[], options: TrainCommandOptions): Promise<void> {
  try {
    // Before the work, not after it.
    await mkdir(options.out, { recursive: true });
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write to ${options.out}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const flows = (await Promise.all(files.map((file) => readFlows(file, options.labels)))).flat();
  const rows = allFlowRows(flows);
  const bar = new SingleBar({ format: '{bar} {percentage} % | loss {loss}', stream: process.stderr });
  if (process.stderr.isTTY) bar.start(options.iterations * DEFAULT_TRAINING.members, 0, { loss: '' });
  const started = performance.now();
  const { model, loss } = await train(rows, {
    ...DEFAULT_TRAINING,
    iterations: options.iterations,
    seed: options.seed,
    onProgress: (iteration, value) => {
      if (bar.isActive) bar.update(iteration, { loss: value.toFixed(4) });
    },
  });
  if (bar.isActive) bar.stop();
  const seconds = (performance.now() - started) / 1000;
  const file = join(options.out, 'model.onnx');
  try {
    await writeFile(`${file}.new`, model);
    await rename(`${file}.new`, file);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write ${file}: ${(cause as Error).message}`, { cause });
  }
  const sequences = (options.iterations * DEFAULT_TRAINING.members * DEFAULT_TRAINING.batch.sequences) / seconds;
  console.log(`${file}: ${flows.length} flows, loss ${loss.toFixed(4)}, ${Math.round(sequences)} sequences/s`);
}
