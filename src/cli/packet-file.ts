import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { TidegateError } from '../quic/errors.js';

/** A packet of a recorded flow. */
export interface RecordedPacket {
  flow: string;
  /** ms, on the flow's own clock. */
  time: number;
  /** To the client. */
  out: boolean;
  bytes: number;
}

export interface PacketFileOptions {
  /** Told how many bytes of the file were read since, and how large it is. */
  onProgress?: (bytes: number, size: number) => void;
}

interface Columns {
  flow: number;
  time: number;
  bytes: number;
  /** Column of the direction, -1 where every line is the client's. */
  direction: number;
  /** Milliseconds a unit of time. */
  scale: number;
}

function columnsOf(header: string, path: string): Columns {
  const names = header.trim().split(',');
  const at = (name: string) => names.indexOf(name);
  if (at('flow') >= 0 && at('t_ms') >= 0 && at('bytes') >= 0) {
    return { flow: at('flow'), time: at('t_ms'), bytes: at('bytes'), direction: at('dir'), scale: 1 };
  }
  if (at('client') >= 0 && at('t') >= 0 && at('bytes') >= 0) {
    return { flow: at('client'), time: at('t'), bytes: at('bytes'), direction: -1, scale: 1000 };
  }
  throw new TidegateError('TIDEGATE_E_REPLAY', `${path}: the first line is "${header.slice(0, 80)}"`, {
    hint: 'it has to name the columns flow,t_ms,dir,bytes or client,t,bytes',
  });
}

function packetOf(line: string, columns: Columns): RecordedPacket {
  const fields = line.split(',');
  const flow = fields[columns.flow];
  const time = Number(fields[columns.time]) * columns.scale;
  const bytes = Number(fields[columns.bytes]);
  if (flow === undefined || !Number.isFinite(time) || !(bytes >= 0 && Number.isFinite(bytes))) {
    throw new Error(`malformed: "${line.slice(0, 80)}"`);
  }
  return { flow, time, out: columns.direction >= 0 && fields[columns.direction] !== '0', bytes };
}

/**
 * Packets of a CSV with the columns `flow,t_ms,dir,bytes` (dir 0: from the client) or `client,t,bytes` (seconds, all from
 * the client), gzipped where it ends in .gz, as they come. Throws TIDEGATE_E_REPLAY with the line.
 */
export async function* readPackets(path: string, options: PacketFileOptions = {}): AsyncGenerator<RecordedPacket> {
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
    let columns: Columns | null = null;
    for (;;) {
      const { done, value: line } = await Promise.race([lines.next(), failed]);
      if (done) return;
      number++;
      if (columns === null) columns = columnsOf(line, path);
      else if (line !== '') yield packetOf(line, columns);
    }
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    const where = number === 0 ? '' : ` line ${number}`;
    throw new TidegateError('TIDEGATE_E_REPLAY', `can't read ${path}${where}: ${(cause as Error).message}`, { cause });
  } finally {
    file.destroy();
  }
}
