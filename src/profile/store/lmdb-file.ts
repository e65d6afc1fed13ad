import { open } from 'node:fs/promises';

/** Behind the head of the first page (liblmdb/mdb.c, MDB_meta): what a database begins with, and its format. */
const META_AT = 24;
const MAGIC = 0xbeefc0de;
const FORMAT = 2;
/** Two pages that say where all others are. */
const LEAST_BYTES = 8192;

/** Why a file can't be an LMDB database, or null; one that is not there or empty can. LMDB itself may crash on others. */
export async function objectionToFile(path: string): Promise<string | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size === 0) return null;
    if (size < LEAST_BYTES) return `it has ${size} bytes: it was cut off`;
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, META_AT);
    if (buffer.readUInt32LE(0) !== MAGIC) return 'it is no LMDB database';
    const format = buffer.readUInt32LE(4) & 0xffff;
    return format === FORMAT ? null : `it is of LMDB's format ${format}, not ${FORMAT}`;
  } finally {
    await file.close();
  }
}
