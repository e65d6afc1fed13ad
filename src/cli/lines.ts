import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TidegateError } from '../quic/errors.js';

export interface LinesOptions {
  /** Told how many bytes of the file were read since, and how large it is. */
  onProgress?: (bytes: number, size: number) => void;
}

/** Characters of a line: what is longer is no text file, or one that unpacks to more than there is memory. */
const LONGEST = 1_048_576;

/**
 * The lines of a text file (UTF-8, ended by LF or CRLF), unpacked where its name ends in .gz. Throws TIDEGATE_E_REPLAY with the
 * line where the file can't be read.
 */
export async function* readLines(path: string, options: LinesOptions = {}): AsyncGenerator<string> {
  let number = 0;
  try {
    const size = options.onProgress === undefined ? 0 : (await stat(path)).size;
    const file = createReadStream(path);
    // Where one of the two fails, so does what is read from them; and where nobody reads on, both are closed.
    const input = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file;
    input.setEncoding('utf8');
    let [rest, read] = ['', 0];
    for await (const part of input as AsyncIterable<string>) {
      options.onProgress?.(file.bytesRead - read, size);
      read = file.bytesRead;
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        number++;
        yield cleaned(line, number);
      }
      if (rest.length > LONGEST) {
        const message = `${path} line ${number + 1} is longer than ${LONGEST} characters`;
        throw new TidegateError('TIDEGATE_E_REPLAY', message, { hint: 'is it a text file?' });
      }
    }
    if (rest !== '') yield cleaned(rest, number + 1);
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    const where = number === 0 ? '' : ` line ${number}`;
    throw new TidegateError('TIDEGATE_E_REPLAY', `can't read ${path}${where}: ${(cause as Error).message}`, { cause });
  }
}

/** Without the rest of its end, and without the mark that some programs begin a file with. */
function cleaned(line: string, number: number): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
}
