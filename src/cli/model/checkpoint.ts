import { readFile, rm } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { writeAtomically } from '../../predict/store/atomic-file.js';
import type { TrainingState } from '../../predict/training/trainer.js';

/** Where a training run stands, in a file, so that one that was broken off can be gone on with. */
export class Checkpoint {
  constructor(
    readonly path: string,
    /** What the run is of: a file of another one is not taken up. */
    readonly signature: string,
  ) {}

  async load(): Promise<TrainingState | null> {
    try {
      const { signature, state } = deserialize(await readFile(this.path)) as {
        signature: string;
        state: TrainingState;
      };
      return signature === this.signature ? state : null;
    } catch {
      return null;
    }
  }

  async save(state: TrainingState): Promise<void> {
    await writeAtomically(this.path, serialize({ signature: this.signature, state }));
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
