import { createHash } from 'node:crypto';
import { z } from 'zod';
import { TidegateError } from '../../quic/errors.js';
import { problemsOf } from '../../validation/problems.js';

/** What is written down about a model, beside its file. */
export const modelCardSchema = z.object({
  /** The first 12 digits of the checksum. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.string(),
  /** The model that it was trained on from; null: from the beginning. */
  parent: z.string().nullable(),
  /** How it came about. */
  command: z.string(),
  data: z.object({
    /** Files, or the replay store. */
    sources: z.array(z.string()),
    sequences: z.number(),
    /** Steps of one second that it was trained on. */
    steps: z.number(),
    /** Of what was recorded live: milliseconds since the epoch. */
    from: z.number().nullable(),
    to: z.number().nullable(),
    /** What was kept out to judge it by. */
    split: z.string(),
  }),
  /** By name; what they mean stands in docs/model.md. */
  metrics: z.record(z.string(), z.number()),
});

export type ModelCard = z.infer<typeof modelCardSchema>;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The card of a new model. */
export function cardOf(model: Uint8Array, about: Omit<ModelCard, 'id' | 'sha256' | 'createdAt'>): ModelCard {
  const sum = sha256(model);
  return { id: sum.slice(0, 12), sha256: sum, createdAt: new Date().toISOString(), ...about };
}

/** Reads a card. Throws TIDEGATE_E_MODEL where it is none. */
export function parseCard(text: string, path: string): ModelCard {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_MODEL', `${path} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const result = modelCardSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = problemsOf(modelCardSchema, result.error, value, 'the card');
  throw new TidegateError('TIDEGATE_E_MODEL', `${path} is no model card: ${problems.join('; ')}`);
}

/** Throws TIDEGATE_E_MODEL where a file is not what its card says. */
export function checkSum(model: Uint8Array, card: ModelCard, path: string): void {
  const sum = sha256(model);
  if (sum !== card.sha256) {
    throw new TidegateError(
      'TIDEGATE_E_MODEL',
      `${path} is damaged: its checksum is ${sum.slice(0, 12)}…, its card says ${card.id}…`,
    );
  }
}
