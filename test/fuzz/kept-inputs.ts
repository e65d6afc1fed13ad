import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzInput } from './target.js';

/** Inputs that broke something once, by target: they are run with every test. */
const FOLDER = fileURLToPath(new URL('../../../test/fuzz/kept', import.meta.url));

interface Written {
  bytes: string;
  cuts: readonly number[];
  seed: number;
}

export function keptInputs(target: string): FuzzInput[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => {
    const { bytes, cuts } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Written;
    return { bytes: Buffer.from(bytes, 'hex'), cuts };
  });
}

/** Keeps an input; returns where. */
export function keepInput(target: string, { bytes, cuts }: FuzzInput, seed: number): string {
  const folder = join(FOLDER, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${seed >>> 0}.json`);
  const written: Written = { bytes: Buffer.from(bytes).toString('hex'), cuts, seed };
  writeFileSync(path, `${JSON.stringify(written)}\n`);
  return path;
}
