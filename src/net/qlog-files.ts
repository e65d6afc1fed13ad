import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { QuicCloseInfo, QuicConnection, QuicStats } from '../quic/engine.js';
import { TidegateError } from '../quic/errors.js';
import type { QuicTrace } from '../quic/trace.js';

const RECORD_SEPARATOR = '\x1e';

/**
 * Writes a qlog file a connection (draft-ietf-quic-qlog-main-schema, JSON-SEQ as .sqlog): its start, handshake and end
 * with what it had sent and lost. Packets are not logged; the binding keeps them to itself.
 */
export class QlogFiles implements QuicTrace {
  readonly #files = new Map<QuicConnection, WriteStream>();
  #number = 0;

  constructor(readonly folder: string) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new TidegateError('TIDEGATE_E_OUTPUT', `qlogDir is ${folder}: ${(cause as Error).message}`, { cause });
    }
  }

  connectionStarted(connection: QuicConnection, now: number): void {
    const name = `${Date.now()}-${process.pid}-${threadId}-${this.#number++}.sqlog`;
    const file = createWriteStream(join(this.folder, name));
    // A full disk must not end connections; the log is what suffers.
    file.on('error', () => this.#files.delete(connection));
    this.#files.set(connection, file);
    this.#write(connection, {
      file_schema: 'urn:ietf:params:qlog:file:sequential',
      serialization_format: 'application/qlog+json-seq',
      title: 'tidegate',
      trace: {
        vantage_point: { type: connection.isServer ? 'server' : 'client' },
        common_fields: { reference_time: { clock_type: 'monotonic' } },
      },
    });
    this.#event(connection, now, 'quic:connection_started', {
      remote: { ip: connection.peerAddress, port: connection.peerPort },
    });
  }

  connectionEstablished(connection: QuicConnection, now: number): void {
    this.#event(connection, now, 'quic:connection_state_updated', { new: 'handshake_complete' });
  }

  connectionClosed(connection: QuicConnection, info: QuicCloseInfo, stats: QuicStats, now: number): void {
    this.#event(connection, now, 'recovery:metrics_updated', {
      smoothed_rtt: stats.rtt,
      congestion_window: stats.congestionWindow,
    });
    this.#event(connection, now, 'quic:connection_closed', {
      initiator: info.by === 'peer' ? 'remote' : 'local',
      trigger: info.by,
      ...(info.application ? { application_error: info.code } : { connection_error: info.code }),
      reason: info.reason,
      packets_sent: stats.packetsSent,
      packets_received: stats.packetsReceived,
      packets_lost: stats.packetsLost,
    });
    this.#files.get(connection)?.end();
    this.#files.delete(connection);
  }

  #event(connection: QuicConnection, time: number, name: string, data: Record<string, unknown>): void {
    this.#write(connection, { time, name, data });
  }

  #write(connection: QuicConnection, record: unknown): void {
    this.#files.get(connection)?.write(`${RECORD_SEPARATOR}${JSON.stringify(record)}\n`);
  }
}
