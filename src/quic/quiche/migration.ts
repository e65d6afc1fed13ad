import type { NativeHostPort } from '../native.js';
import { statelessResetToken } from '../stateless-reset.js';
import { resetTokenNumber } from './config.js';
import type { QuicheConnection } from './connection.js';
import type { ConnectionTable } from './connection-table.js';

/** Connection IDs offered beside the one in use. */
const SPARE_IDS = 2;

/** What connections need to change their address (RFC 9000 section 9): spare IDs, and following them to where they are. */
export class Migration {
  constructor(
    readonly table: ConnectionTable,
    readonly newId: () => Uint8Array,
    readonly resetKey: Uint8Array,
  ) {}

  /** Spare IDs, which either side needs when an address changes (RFC 9000 section 9.5). */
  offerIds(connection: QuicheConnection): void {
    while (connection.localIds.length <= SPARE_IDS && connection.native.sourceCidsLeft() > 0) {
      const id = this.newId();
      try {
        connection.native.newSourceCid(id, resetTokenNumber(statelessResetToken(this.resetKey, id)), false);
      } catch {
        return;
      }
      this.table.addId(connection, id);
    }
  }

  /** Takes note of where the peer is now, and of IDs that it uses no more. */
  follow(connection: QuicheConnection): void {
    for (;;) {
      const event = connection.native.pathEventNext();
      if (event === null) break;
      if (event.type !== 'PeerMigrated') continue;
      const peer = (event.new ?? event.peer) as NativeHostPort;
      connection.peerAddress = peer.host;
      connection.peerPort = peer.port;
      connection.recvInfo.from = peer;
    }
    for (;;) {
      const retired = connection.native.retiredScidNext();
      if (retired === null) break;
      this.table.retireId(connection, retired);
      this.offerIds(connection);
    }
  }
}
