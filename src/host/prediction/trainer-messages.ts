/** What the trainer's process starts with. */
export interface TrainerInit {
  /** Folders of models and sequences, the base model's file, and the id of the model to go on from. */
  models: string;
  base: string;
  replay: string;
  champion: string;
  iterations: number;
  seed: number;
  /** Of one processor. */
  cpuShare: number;
}

export type ToTrainer = { type: 'start'; init: TrainerInit } | { type: 'pause' } | { type: 'resume' };

export type FromTrainer =
  /** `model`: the id of the challenger, which is stored; null where there is none to serve. */
  | {
      type: 'verdict';
      model: string | null;
      accepted: boolean;
      reason: string;
      metrics: Record<string, number>;
      damaged: number;
    }
  | { type: 'failed'; reason: string };
