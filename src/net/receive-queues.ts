import { readFile } from 'node:fs/promises';

/** What waits in front of the UDP sockets of a port, and what found no room there. */
export interface ReceiveQueues {
  /** Of the fullest socket: bytes as the kernel counts them, its own for each packet among them. */
  fullestBytes: number;
  /** Packets since the sockets were opened. */
  dropped: number;
}

const TABLES = ['/proc/self/net/udp', '/proc/self/net/udp6'];
/** Columns of the tables, from 0: "address:port", "sent:received" in hexadecimal digits, packets dropped. */
const LOCAL = 1;
const QUEUES = 4;
const DROPS = 12;

/** What Linux's tables of UDP sockets say of a port; other processes' sockets on other addresses of it count too. */
export function receiveQueuesOf(tables: string, port: number): ReceiveQueues {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const mentioned = `${suffix} `;
  const queues: ReceiveQueues = { fullestBytes: 0, dropped: 0 };
  for (const line of tables.split('\n')) {
    // There may be thousands of others.
    if (!line.includes(mentioned)) continue;
    const columns = line.trim().split(/\s+/);
    if (columns.length <= DROPS || !columns[LOCAL].endsWith(suffix)) continue;
    const [, received = '0'] = columns[QUEUES].split(':');
    queues.fullestBytes = Math.max(queues.fullestBytes, Number.parseInt(received, 16));
    queues.dropped += Number(columns[DROPS]);
  }
  return queues;
}

/** Reads {@link receiveQueuesOf} a port; null where the system does not tell it. */
export async function readReceiveQueues(port: number): Promise<ReceiveQueues | null> {
  const tables = await Promise.all(TABLES.map((path) => readFile(path, 'utf8').catch(() => '')));
  return tables.every((table) => table === '') ? null : receiveQueuesOf(tables.join('\n'), port);
}
