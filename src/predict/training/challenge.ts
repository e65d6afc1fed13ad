import { Random } from '../../numeric/random.js';
import { pairedBootstrap } from '../evaluation/paired-bootstrap.js';
import { type SequenceLoss, sequenceLosses } from '../evaluation/sequence-losses.js';
import { Forecaster } from '../forecaster.js';
import { decodeNetworks } from '../model/decode.js';
import { inputPlaces } from '../model/inputs.js';
import type { ReplaySequence } from '../store/replay-sequence.js';
import type { Sequence } from './flow-rows.js';
import { liveSequence } from './live-sequences.js';
import { DEFAULT_TRAINING, train } from './trainer.js';

/** Share of the sequences, the newest, that models are validated on. */
const VALIDATION = 0.25;
/** Sequences below which nothing is learned, and validation says nothing. */
const LEAST = 40;
/** Adam's step when a model is fitted on: smaller than from the beginning. */
const RATE = 1e-3;
/** Plain flows beside the live ones, so that what is not seen here is not forgotten. */
const SYNTHETIC = 40;
/** Mean loss on the reference set may be worse by this share: within what chance does. */
const REFERENCE_TOLERANCE = 0.02;

export interface ChallengeOptions {
  iterations: number;
  seed: number;
  pause?: () => Promise<void>;
  onProgress?: (iteration: number, loss: number) => void;
}

/** What became of a challenger. */
export interface Verdict {
  accepted: boolean;
  reason: string;
  metrics: Record<string, number>;
}

/** Oldest first, parted by time: what is trained on, and what is newer than all of it. */
function partByTime(sequences: readonly ReplaySequence[]): { seen: ReplaySequence[]; newest: ReplaySequence[] } {
  const cut = Math.floor(sequences.length * (1 - VALIDATION));
  return { seen: sequences.slice(0, cut), newest: sequences.slice(cut) };
}

async function lossesOf(model: Uint8Array, sequences: readonly Sequence[]): Promise<SequenceLoss[]> {
  const { core } = inputPlaces(sequences[0].steps[0].features.length);
  const forecaster = await Forecaster.create(model, core);
  try {
    return await sequenceLosses(forecaster, sequences);
  } finally {
    await forecaster.release();
  }
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Holds a challenger against the champion: it has to be better on the newest sequences by a paired bootstrap, and no worse on
 * the reference set.
 */
export async function judge(
  champion: Uint8Array,
  challenger: Uint8Array,
  newest: readonly ReplaySequence[],
  reference: readonly ReplaySequence[],
  seed: number,
): Promise<Verdict> {
  const sequences = newest.map(liveSequence);
  const [before, after] = [await lossesOf(champion, sequences), await lossesOf(challenger, sequences)];
  const losses = (of: readonly SequenceLoss[]): number[] => of.map(({ loss }) => loss);
  const rmse = (of: readonly SequenceLoss[]): number => Math.sqrt(meanOf(of.map(({ square }) => square)));
  const metrics: Record<string, number> = {
    validationSequences: sequences.length,
    championError: rmse(before),
    error: rmse(after),
    championLoss: meanOf(losses(before)),
    loss: meanOf(losses(after)),
  };
  if (!Number.isFinite(metrics.loss)) return { accepted: false, reason: 'its loss is no number', metrics };
  const compared = pairedBootstrap(losses(before), losses(after), new Random(seed).next);
  metrics.difference = compared.difference;
  metrics.differenceHigh = compared.high;
  if (!(compared.high < 0)) {
    const reason = `not surely better: loss ${metrics.loss.toFixed(3)}, champion ${metrics.championLoss.toFixed(3)}`;
    return { accepted: false, reason, metrics };
  }
  if (reference.length > 0) {
    const fixed = reference.map(liveSequence);
    const [was, is] = [losses(await lossesOf(champion, fixed)), losses(await lossesOf(challenger, fixed))];
    metrics.referenceChampionLoss = meanOf(was);
    metrics.referenceLoss = meanOf(is);
    if (!(metrics.referenceLoss <= metrics.referenceChampionLoss * (1 + REFERENCE_TOLERANCE))) {
      const reason = `worse on the reference set: loss ${metrics.referenceLoss.toFixed(3)}, champion ${metrics.referenceChampionLoss.toFixed(3)}`;
      return { accepted: false, reason, metrics };
    }
  }
  return { accepted: true, reason: 'better on the newest sequences', metrics };
}

/** Fits a challenger to recorded sequences (oldest first), from the champion on, and judges it. */
export async function challenge(
  champion: Uint8Array,
  sequences: readonly ReplaySequence[],
  reference: readonly ReplaySequence[],
  options: ChallengeOptions,
): Promise<Verdict & { model: Uint8Array | null; seen: ReplaySequence[] }> {
  const { seen, newest } = partByTime(sequences);
  if (newest.length < LEAST * VALIDATION || seen.length < LEAST * (1 - VALIDATION)) {
    const reason = `only ${sequences.length} sequences are recorded, ${LEAST} are needed`;
    return { accepted: false, reason, metrics: {}, model: null, seen };
  }
  const { model } = await train(seen.map(liveSequence), {
    ...DEFAULT_TRAINING,
    ...options,
    rate: RATE,
    variants: 0,
    synthetic: SYNTHETIC,
    from: decodeNetworks(champion),
  });
  const verdict = await judge(champion, model, newest, reference, options.seed);
  return { ...verdict, model: verdict.accepted ? model : null, seen };
}
