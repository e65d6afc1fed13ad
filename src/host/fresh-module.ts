import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Imports a module of the operator's; one that changed since is loaded anew. */
export async function importFresh(path: string): Promise<{ default?: unknown }> {
  const file = resolve(path);
  const { mtimeMs } = await stat(file);
  // A module is loaded once by address.
  return await import(`${pathToFileURL(file).href}?v=${mtimeMs}`);
}
