import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { TidegateError } from '../quic/errors.js';

export interface LinesOptions {
  /** Told how many bytes of the file were read since, and how large it is. */
  onProgress?: (bytes: number, size: number) => void;
}

/**
 * The lines of a text file, unpacked where its name ends in .gz. Throws TIDEGATE_E_REPLAY with the line
 * where the file can't be read.
 */
export async function* readLines(path: string, options: LinesOptions = {}): AsyncGenerator<string> {
  let number = 0;
  const file = createReadStream(path);
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  const failed = new Promise<never>((_, reject) => {
    file.once('error', reject);
    input.once('error', reject);
  });
  // It is awaited beside every line; a failure between two of them must not go unowned.
  failed.catch(() => {});
  try {
    const size = options.onProgress === undefined ? 0 : (await stat(path)).size;
    file.on('data', (part) => options.onProgress?.(part.length, size));
    const lines = createInterface({ input })[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: line } = await Promise.race([lines.next(), failed]);
      if (done) return;
      number++;
      yield line;
    }
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    const where = number === 0 ? '' : ` line ${number}`;
    throw new TidegateError('TIDEGATE_E_REPLAY', `can't read ${path}${where}: ${(cause as Error).message}`, { cause });
  } finally {
    file.destroy();
  }
}
