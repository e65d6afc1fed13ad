import { TidegateError } from '../quic/errors.js';
import { type LinesOptions, readLines } from './lines.js';

/** A packet of a recorded flow. */
export interface RecordedPacket {
  flow: string;
  /** ms, on the flow's own clock. */
  time: number;
  /** To the client. */
  out: boolean;
  bytes: number;
  /** What was asked for, where the file tells. */
  request: string;
  /** Of a flow, which comes once; else of a client that may come back. */
  isFlow: boolean;
}

interface Columns {
  separator: string;
  flow: number;
  time: number;
  bytes: number;
  /** Column of the direction, -1 where every line is the client's. */
  direction: number;
  /** Column of what was asked for, -1 where there is none. */
  request: number;
  /** Milliseconds a unit of time. */
  scale: number;
}

function columnsOf(header: string, path: string): Columns {
  const separator = header.includes('\t') ? '\t' : ',';
  const names = header.trim().split(separator);
  const at = (name: string) => names.indexOf(name);
  if (at('flow') >= 0 && at('t_ms') >= 0 && at('bytes') >= 0) {
    return {
      separator,
      flow: at('flow'),
      time: at('t_ms'),
      bytes: at('bytes'),
      direction: at('dir'),
      request: -1,
      scale: 1,
    };
  }
  if (at('client') >= 0 && at('t') >= 0 && at('bytes') >= 0) {
    return {
      separator,
      flow: at('client'),
      time: at('t'),
      bytes: at('bytes'),
      direction: -1,
      request: -1,
      scale: 1000,
    };
  }
  if (at('host') >= 0 && at('time') >= 0 && at('bytes') >= 0) {
    return {
      separator,
      flow: at('host'),
      time: at('time'),
      bytes: at('bytes'),
      direction: -1,
      request: at('url'),
      scale: 1000,
    };
  }
  throw new TidegateError('TIDEGATE_E_REPLAY', `${path}: the first line is "${header.slice(0, 80)}"`, {
    hint: 'it has to name the columns flow,t_ms,dir,bytes or client,t,bytes or host,time,url,bytes (tabs)',
  });
}

function packetOf(line: string, columns: Columns, where: string): RecordedPacket {
  const fields = line.split(columns.separator);
  const flow = fields[columns.flow];
  const time = Number(fields[columns.time]) * columns.scale;
  const bytes = fields[columns.bytes] === '-' ? 0 : Number(fields[columns.bytes]);
  if (flow === undefined || !Number.isFinite(time) || !(bytes >= 0 && Number.isFinite(bytes))) {
    throw new TidegateError('TIDEGATE_E_REPLAY', `can't read ${where}: malformed: "${line.slice(0, 80)}"`);
  }
  const out = columns.direction >= 0 && fields[columns.direction] !== '0';
  const isFlow = columns.direction >= 0;
  return { flow, time, out, bytes, isFlow, request: columns.request < 0 ? '' : (fields[columns.request] ?? '') };
}

/**
 * Packets of a CSV with the columns `flow,t_ms,dir,bytes` (dir 0: from the client) or `client,t,bytes` (seconds, all from
 * the client), or of a log with `host`, `time` (seconds), `url` and `bytes` parted by tabs, gzipped where it ends in .gz, as they
 * come: those of a flow, or a client, in order of time. Throws TIDEGATE_E_REPLAY with the line.
 */
export async function* readPackets(path: string, options: LinesOptions = {}): AsyncGenerator<RecordedPacket> {
  let columns: Columns | null = null;
  let number = 0;
  const last = new Map<string, number>();
  for await (const line of readLines(path, options)) {
    number++;
    if (columns === null) columns = columnsOf(line, path);
    else if (line !== '') {
      const packet = packetOf(line, columns, `${path} line ${number}`);
      const before = last.get(packet.flow) ?? Number.NEGATIVE_INFINITY;
      if (packet.time < before) {
        const hint = `what "${packet.flow.slice(0, 80)}" did has to be in order of time`;
        throw new TidegateError('TIDEGATE_E_REPLAY', `${path} line ${number}: earlier than its line before`, { hint });
      }
      last.set(packet.flow, packet.time);
      yield packet;
    }
  }
}
