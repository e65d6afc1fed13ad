import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { TidegateError } from '../../quic/errors.js';
import { writeAtomically } from './atomic-file.js';
import { checkSum, type ModelCard, parseCard, sha256 } from './model-card.js';

/** The model that comes with the package. */
export const BASE_MODEL = fileURLToPath(new URL('../../../../models/base.onnx', import.meta.url));
/** Models that are kept beside the one that serves, the one before it, and the base. */
const KEPT = 8;

const currentSchema = z.object({ model: z.string(), previous: z.string().nullable(), at: z.string() });

export interface StoredModel {
  card: ModelCard;
  bytes: Uint8Array;
}

/** Where a model file's card stands. */
function cardPath(model: string): string {
  return model.replace(/(\.onnx)?$/, '.json');
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_MODEL', `can't read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** A model by its file, held to the card beside it. Throws TIDEGATE_E_MODEL. */
export async function readModelFile(path: string): Promise<StoredModel> {
  const bytes = await read(path);
  const card = parseCard(new TextDecoder().decode(await read(cardPath(path))), cardPath(path));
  checkSum(bytes, card, path);
  return { bytes, card };
}

/** A model by its file alone, as it is named on a command line: its card is looked at where there is one. */
export async function readPlainModel(path: string): Promise<{ id: string; bytes: Uint8Array }> {
  const bytes = await read(path);
  let card: string;
  try {
    card = await readFile(cardPath(path), 'utf8');
  } catch {
    return { id: sha256(bytes).slice(0, 12), bytes };
  }
  const parsed = parseCard(card, cardPath(path));
  checkSum(bytes, parsed, path);
  return { id: parsed.id, bytes };
}

/**
 * Versions of the model with their cards: `models/<id>.onnx` and `<id>.json` in the data folder, `current.json` with the one
 * that serves and the one before. The base model is always there, and serves where nothing else was chosen. Every file is
 * put in place whole, the model before its card and the card before it is made current.
 */
export class ModelStore {
  constructor(
    readonly folder: string,
    readonly base = BASE_MODEL,
  ) {}

  #path(id: string): string {
    return join(this.folder, `${id}.onnx`);
  }

  /** Cards of all models, the base first, then by age; what can't be read is left out. */
  async list(): Promise<ModelCard[]> {
    let names: string[] = [];
    try {
      names = await readdir(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const cards: ModelCard[] = [];
    for (const name of names.filter((name) => /^[0-9a-f]{12}\.json$/.test(name))) {
      try {
        cards.push(parseCard(await readFile(join(this.folder, name), 'utf8'), name));
      } catch {
        // A card that was broken by hand is no reason to show none.
      }
    }
    cards.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    const { card } = await readModelFile(this.base);
    return [card, ...cards.filter(({ id }) => id !== card.id)];
  }

  /** A model by its id. Throws TIDEGATE_E_MODEL where there is none, or where it is damaged. */
  async load(id: string): Promise<StoredModel> {
    const base = await readModelFile(this.base).catch(() => null);
    if (base?.card.id === id || id === 'base') return base ?? (await readModelFile(this.base));
    if (!/^[0-9a-f]{12}$/.test(id)) {
      throw new TidegateError('TIDEGATE_E_MODEL', `no model ${id}`, { hint: 'see tidegate model list' });
    }
    return await readModelFile(this.#path(id));
  }

  /** Which one serves, and which one did before; null: the base model, none. */
  async current(): Promise<{ model: string | null; previous: string | null }> {
    const path = join(this.folder, 'current.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { model: null, previous: null };
      throw error;
    }
    try {
      return currentSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new TidegateError('TIDEGATE_E_MODEL', `${path} is malformed`, {
        hint: 'tidegate model use base writes it anew',
        cause,
      });
    }
  }

  /** The model that serves. */
  async champion(): Promise<StoredModel> {
    return await this.load((await this.current()).model ?? 'base');
  }

  /** Stores a model; it does not serve yet. */
  async add(model: Uint8Array, card: ModelCard): Promise<void> {
    checkSum(model, card, 'the new model');
    await writeAtomically(this.#path(card.id), model);
    await writeAtomically(cardPath(this.#path(card.id)), `${JSON.stringify(card, null, 2)}\n`);
    await this.#prune(card.id);
  }

  /** Chooses the model that serves. Throws TIDEGATE_E_MODEL where it can't. */
  async use(id: string): Promise<ModelCard> {
    const { card } = await this.load(id);
    const { model } = await this.current().catch(() => ({ model: null }));
    if (model !== card.id) await this.#write(card.id, model);
    return card;
  }

  /** Goes back to the model that served before; to the parent of the present one where that is not known. */
  async rollback(): Promise<ModelCard> {
    const { model, previous } = await this.current();
    if (model === null) throw new TidegateError('TIDEGATE_E_MODEL', 'the base model serves: there is none before it');
    const parent = previous ?? (await this.load(model)).card.parent ?? 'base';
    const { card } = await this.load(parent);
    await this.#write(card.id, null);
    return card;
  }

  /** Makes a model current as if the present one, which turned out to be of no use, had never been chosen. */
  async restore(id: string): Promise<void> {
    const { card } = await this.load(id);
    await this.#write(card.id, null);
  }

  async #write(model: string, previous: string | null): Promise<void> {
    const content = { model, previous, at: new Date().toISOString() };
    await writeAtomically(join(this.folder, 'current.json'), `${JSON.stringify(content)}\n`);
  }

  /** Takes away the oldest, but neither the one that serves, nor those before it, nor the new one. */
  async #prune(added: string): Promise<void> {
    const { model, previous } = await this.current().catch(() => ({ model: null, previous: null }));
    const [, ...cards] = await this.list();
    const spare = cards.filter(({ id }) => ![added, model, previous].includes(id));
    for (const { id } of spare.slice(0, Math.max(0, cards.length - KEPT))) {
      await rm(cardPath(this.#path(id)), { force: true });
      await rm(this.#path(id), { force: true });
    }
  }
}
