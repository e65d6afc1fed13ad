import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file aside, brings it to the disk and puts it in place: who reads sees the old one or the new one, whole. `data` may come in
 * pieces.
 * @param mode who may read it, from its first byte on
 */
export async function writeAtomically(
  path: string,
  data: Uint8Array | string | AsyncIterable<string>,
  mode = 0o666,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    const file = await open(aside, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}
