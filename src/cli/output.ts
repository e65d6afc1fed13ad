import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TidegateError } from '../quic/errors.js';

/** Prints figures by name; `-` stands for those that what was given says nothing of. */
export function printFigures(figures: Readonly<Record<string, number>>): void {
  const width = Math.max(...Object.keys(figures).map((name) => name.length)) + 2;
  for (const [name, value] of Object.entries(figures)) {
    const text = Number.isFinite(value) ? (Number.isInteger(value) ? String(value) : value.toFixed(4)) : '-';
    console.log(name.padEnd(width) + text);
  }
}

/** Does what writes `what` (a file, or "to FOLDER"). Throws TIDEGATE_E_OUTPUT where that can't be. */
export async function writing(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write ${what}: ${(cause as Error).message}`, { cause });
  }
}

/** Writes a file, its folder too. Throws TIDEGATE_E_OUTPUT, which names `what`: the file, unless it is said otherwise. */
export async function writeOutput(path: string, text: string, what = path): Promise<void> {
  await writing(what, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  });
}
