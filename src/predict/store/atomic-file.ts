import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file aside, brings it to the disk and puts it in place: who reads sees the old one or the new one, whole. `data` may come in pieces. */
export async function writeAtomically(path: string, data: Uint8Array | string | AsyncIterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.new`;
  const file = await open(aside, 'w');
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
}
