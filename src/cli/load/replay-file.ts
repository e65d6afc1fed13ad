import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { TidegateError } from '../../quic/errors.js';

/** Longest stretch of a flow that is played, ms: some last for days. */
export const CUT_MS = 300_000;

/** What one client sends: when (ms from its start) and how much. */
export interface ReplayFlow {
  client: string;
  times: number[];
  sizes: number[];
}

interface Columns {
  client: number;
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
    return { client: at('flow'), time: at('t_ms'), bytes: at('bytes'), direction: at('dir'), scale: 1 };
  }
  if (at('client') >= 0 && at('t') >= 0 && at('bytes') >= 0) {
    return { client: at('client'), time: at('t'), bytes: at('bytes'), direction: -1, scale: 1000 };
  }
  throw new TidegateError('TIDEGATE_E_REPLAY', `${path}: the first line is "${header.slice(0, 80)}"`, {
    hint: 'it has to name the columns flow,t_ms,dir,bytes or client,t,bytes',
  });
}

/**
 * Reads the flows of a packets CSV (`flow,t_ms,dir,bytes`; what the client sends, dir 0) or a messages CSV
 * (`client,t,bytes`), gzipped where it ends in .gz, each cut at {@link CUT_MS}. Throws TIDEGATE_E_REPLAY with the line.
 */
export async function readReplay(path: string, limit = Number.POSITIVE_INFINITY): Promise<ReplayFlow[]> {
  const flows = new Map<string, ReplayFlow & { start: number }>();
  const file = createReadStream(path);
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  let columns: Columns | null = null;
  let number = 0;
  try {
    const failed = new Promise<never>((_, reject) => {
      file.once('error', reject);
      input.once('error', reject);
    });
    const lines = createInterface({ input })[Symbol.asyncIterator]();
    for (;;) {
      const { done, value: line } = await Promise.race([lines.next(), failed]);
      if (done) break;
      number++;
      if (columns === null) columns = columnsOf(line, path);
      else if (line !== '') addLine(flows, line, columns, limit);
    }
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    const where = number === 0 ? '' : ` line ${number}`;
    throw new TidegateError('TIDEGATE_E_REPLAY', `can't read ${path}${where}: ${(cause as Error).message}`, { cause });
  }
  if (flows.size === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no flows`);
  return [...flows.values()];
}

function addLine(
  flows: Map<string, ReplayFlow & { start: number }>,
  line: string,
  columns: Columns,
  limit: number,
): void {
  const fields = line.split(',');
  const client = fields[columns.client];
  const time = Number(fields[columns.time]) * columns.scale;
  const bytes = Number(fields[columns.bytes]);
  if (client === undefined || !Number.isFinite(time) || !(bytes >= 0))
    throw new Error(`malformed: "${line.slice(0, 80)}"`);
  let flow = flows.get(client);
  if (flow === undefined) {
    if (flows.size >= limit) return;
    flow = { client, times: [], sizes: [], start: time };
    flows.set(client, flow);
  }
  if (columns.direction >= 0 && fields[columns.direction] !== '0') return;
  const at = time - flow.start;
  if (at < 0 || at > CUT_MS) return;
  flow.times.push(at);
  flow.sizes.push(bytes);
}
