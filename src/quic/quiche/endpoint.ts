import { randomBytes } from 'node:crypto';
import { CID_LENGTH } from '../connection-id.js';
import type { QuicConnection, QuicConnectOptions, QuicEndpoint, QuicEndpointHooks } from '../engine.js';
import { EXCESSIVE_LOAD, TidegateError, TransportError } from '../errors.js';
import { loadQuiche, type NativeConfig, type NativeHostPort, type NativeQuiche } from '../native.js';
import type { QuicEndpointOptions, QuicServerOptions } from '../options.js';
import { PacketHeader } from '../packet-header.js';
import { TimerHeap } from '../timer-heap.js';
import { clientConfig } from './config.js';
import { QuicheConnection } from './connection.js';
import { ConnectionTable } from './connection-table.js';
import { newCounters } from './counters.js';
import { Migration } from './migration.js';
import { Newcomers, SETTLES_AFTER_MS } from './newcomers.js';
import { PacketOutput } from './packet-output.js';
import { NativeReclaimer } from './reclaimer.js';
import { type DoorActions, ServerDoor } from './server-door.js';
import { UnreadReview } from './unread-review.js';

/** Packets of one connection taken before its events are raised; below the datagram queue's length. */
const MAX_PENDING_PACKETS = 32;
/** Packets that one connection sends in a flush before the others have their turn. */
const MAX_BURST = 64;

/** A QUIC endpoint on quiche: routes packets to connections, or to the door, and flushes in batches. */
export class QuicheEndpoint implements QuicEndpoint {
  readonly counters = newCounters();
  acceptsNew = true;
  readonly #quiche: NativeQuiche;
  readonly #door: ServerDoor | null;
  readonly #clientConfig: NativeConfig | null;
  readonly #local: NativeHostPort;
  readonly #table = new ConnectionTable();
  readonly #timers = new TimerHeap();
  readonly #reclaimer = new NativeReclaimer();
  readonly #header = new PacketHeader();
  #touched: QuicheConnection[] = [];
  #spare: QuicheConnection[] = [];
  readonly #newcomers: Newcomers;
  readonly #unread: UnreadReview;
  /** Null where connections may not move. */
  readonly #migration: Migration | null;
  #inFlush = false;
  readonly #scratch = new Uint8Array(65536);
  readonly #output: PacketOutput;

  constructor(
    readonly options: QuicEndpointOptions,
    readonly hooks: QuicEndpointHooks,
  ) {
    this.#quiche = loadQuiche();
    this.#local = { host: options.localAddress, port: options.localPort };
    this.#output = new PacketOutput(hooks.transmit.bind(hooks), this.counters);
    this.#newcomers = this.#welcome();
    this.#unread = new UnreadReview(this.#table, options.transport);
    this.#door = options.server === undefined ? null : this.#openDoor(options.server);
    this.#clientConfig = options.client === undefined ? null : clientConfig(this.#quiche, options);
    this.#migration = options.transport.allowMigration ? this.#followPaths() : null;
  }

  #followPaths(): Migration {
    const door = this.#door;
    const newId = (): Uint8Array => door?.codec.create() ?? randomBytes(CID_LENGTH);
    return new Migration(this.#table, newId, door?.server.resetKey ?? randomBytes(32));
  }

  #welcome(): Newcomers {
    return new Newcomers({
      canSend: () => !this.#output.backedUp,
      service: (connection, now) => this.#serviceOf(connection, now),
      ownerOf: (packet, address, port, now) => {
        const header = this.#header;
        header.parse(packet, CID_LENGTH);
        const known = this.#table.find(packet, header.dcidAt, header.dcidLength);
        return known ?? this.#ownerOf(packet, address, port, now);
      },
      deliver: (connection, packet, address, port, now) => {
        if (this.#table.has(connection)) this.#deliver(connection, packet, address, port, now);
      },
    });
  }

  #openDoor(server: QuicServerOptions): ServerDoor {
    const actions: DoorActions = {
      adopt: (native, recvInfo, guard, scid, now) => {
        const connection = new QuicheConnection(this.#table.newIndex(), true, native, recvInfo, this, guard);
        this.#register(connection, scid, now);
        return connection;
      },
      drop: (connection) => this.#drop(connection, 'handshake-timeout'),
      close: (connection, now) => this.#closeNow(connection, now),
    };
    return new ServerDoor(server, this, actions, this.#quiche, this.#table, this.#output);
  }

  get connections(): Iterable<QuicConnection> {
    return this.#table;
  }

  setCertificate(certificate: string, privateKey: string): void {
    this.#door?.setCertificate(certificate, privateKey);
  }

  nextTimeout(): number {
    return this.#timers.next();
  }

  touch(connection: QuicheConnection): void {
    if (connection.touched) return;
    this.#enlist(connection);
    if (!this.#inFlush) this.hooks.requestFlush();
  }

  #enlist(connection: QuicheConnection): void {
    connection.touched = true;
    if (connection.isNewcomer) this.#newcomers.add(connection);
    else this.#touched.push(connection);
  }

  sendNow(connection: QuicheConnection): void {
    if (this.#output.backedUp) return;
    this.#sendPackets(connection, performance.now());
    if (this.#hasWork && !this.#inFlush) this.hooks.requestFlush();
  }

  get #hasWork(): boolean {
    return this.#touched.length > 0 || this.#newcomers.isWaiting;
  }

  receive(packet: Uint8Array, address: string, port: number, now: number): void {
    this.counters.packetsIn++;
    this.counters.bytesIn += packet.length;
    const header = this.#header;
    if (!header.parse(packet, CID_LENGTH)) {
      this.counters.malformed++;
      return;
    }
    const connection = this.#table.find(packet, header.dcidAt, header.dcidLength);
    const begins = connection === null ? header.isLong : !connection.isEstablished;
    const waits = begins && this.#door !== null && this.#newcomers.keep(packet, address, port);
    if (!waits) this.#route(connection, packet, address, port, now);
    else if (!this.#inFlush) this.hooks.requestFlush();
  }

  #route(connection: QuicheConnection | null, packet: Uint8Array, address: string, port: number, now: number): void {
    const owner = connection ?? this.#ownerOf(packet, address, port, now);
    if (owner !== null) this.#deliver(owner, packet, address, port, now);
  }

  /** Whose a packet is that names no connection here: one that begins, perhaps. */
  #ownerOf(packet: Uint8Array, address: string, port: number, now: number): QuicheConnection | null {
    const header = this.#header;
    if (!header.isLong || this.#door === null) this.counters.unknownConnection++;
    if (header.isLong) return this.#door?.receiveLong(header, packet, address, port, now) ?? null;
    this.#door?.receiveStray(packet, address, port, now);
    return null;
  }

  #deliver(connection: QuicheConnection, packet: Uint8Array, address: string, port: number, now: number): void {
    let info = connection.recvInfo;
    if (port !== connection.peerPort || address !== connection.peerAddress) {
      if (!this.options.transport.allowMigration || !connection.isEstablished) {
        this.counters.wrongPath++;
        return;
      }
      info = { from: { host: address, port }, to: this.#local };
    }
    if (connection.isEstablished) this.counters.packetsDelivered++;
    else if (!connection.takesToBegin(packet)) {
      this.counters.handshakeFloods++;
      return;
    }
    try {
      connection.native.recv(packet, info);
      connection.ends.heard();
    } catch {
      // What quiche can't read closes the connection where the RFC says so; raiseEvents tells the handler.
      this.counters.malformed++;
    }
    connection.hasHeard = true;
    connection.unread.came(packet.length);
    this.touch(connection);
    if (connection.guard?.addWire(packet.length, now) && !connection.isClosed) {
      this.counters.goodputClosed++;
      connection.close(true, EXCESSIVE_LOAD, 'bytes without use');
    }
    if (++connection.pendingPackets >= MAX_PENDING_PACKETS) {
      this.#inFlush = true;
      connection.raiseEvents(this.#scratch, now);
      this.#inFlush = false;
    }
  }

  connect(options: QuicConnectOptions, now: number): QuicConnection {
    if (this.#clientConfig === null) {
      throw new TidegateError('TIDEGATE_E_QUIC', 'this endpoint is not set up for outgoing connections');
    }
    const scid = randomBytes(CID_LENGTH);
    const recvInfo = { from: { host: options.address, port: options.port }, to: this.#local };
    const native = this.#quiche.Connection.connect(
      options.serverName ?? null,
      scid,
      this.#local,
      recvInfo.from,
      this.#clientConfig,
    );
    if (this.options.keyLogFile !== undefined) native.setKeylog(this.options.keyLogFile);
    const connection = new QuicheConnection(this.#table.newIndex(), false, native, recvInfo, this, null);
    if (options.handler !== undefined) connection.handler = options.handler;
    this.#register(connection, scid, now);
    this.touch(connection);
    return connection;
  }

  #register(connection: QuicheConnection, scid: Uint8Array, now: number): void {
    this.#table.add(connection, scid);
    this.counters.connections = this.#table.size;
    this.options.trace?.connectionStarted(connection, now);
  }

  handleTimeouts(now: number): void {
    for (;;) {
      const index = this.#timers.pop(now);
      if (index < 0) break;
      const connection = this.#table.at(index);
      if (connection === null) continue;
      if (!connection.isEstablished && now >= connection.handshakeDeadline) {
        this.counters.handshakeTimeouts++;
        this.#drop(connection, 'handshake-timeout');
        continue;
      }
      connection.native.onTimeout();
      connection.timerFired = true;
      connection.ends.timedOut();
      const { keepAliveMs } = this.options.transport;
      if (keepAliveMs > 0 && connection.isEstablished && now - connection.lastSentAt >= keepAliveMs) {
        if (!connection.isClosed) connection.native.sendAckEliciting();
      }
      this.touch(connection);
    }
    this.flush(now);
  }

  flush(now: number): void {
    if (this.#inFlush) return;
    this.#inFlush = true;
    try {
      this.#output.backedUp = false;
      this.#serviceTouched(now);
      this.#newcomers.serve(now);
    } finally {
      this.#inFlush = false;
    }
    if (this.#hasWork) this.hooks.requestFlush();
  }

  /** Events may touch further connections; two rounds take those along, the rest asks for another flush. */
  #serviceTouched(now: number): void {
    for (let round = 0; round < 2 && this.#touched.length > 0 && !this.#output.backedUp; round++) {
      const batch = this.#touched;
      this.#touched = this.#spare;
      for (let i = 0; i < batch.length; i++) this.#serviceOf(batch[i], now);
      batch.length = 0;
      this.#spare = batch;
    }
  }

  #serviceOf(connection: QuicheConnection, now: number): void {
    connection.touched = false;
    if (this.#table.has(connection)) this.#service(connection, now);
  }

  #service(connection: QuicheConnection, now: number): void {
    const wasEstablished = connection.isEstablished;
    if (connection.isNewcomer && now >= connection.settlesAt) connection.isNewcomer = false;
    connection.raiseEvents(this.#scratch, now);
    if (!wasEstablished && connection.isEstablished) this.#established(connection, now);
    this.#sendPackets(connection, now);
    if (connection.hasEnded()) {
      connection.raiseEvents(this.#scratch, now);
      this.#remove(connection, now);
    } else {
      this.#arm(connection, now);
    }
  }

  #established(connection: QuicheConnection, now: number): void {
    connection.handshakeDeadline = Number.POSITIVE_INFINITY;
    connection.settlesAt = now + SETTLES_AFTER_MS;
    // What the handshake was made of is read.
    connection.unread.atMost(0);
    this.counters.established++;
    this.#endHandshake(connection);
    this.#migration?.offerIds(connection);
    this.options.trace?.connectionEstablished(connection, now);
  }

  #sendPackets(connection: QuicheConnection, now: number): void {
    const { maxUdpPayload, allowMigration } = this.options.transport;
    if (connection.isEstablished) this.#migration?.follow(connection);
    for (let burst = 0; ; burst++) {
      if (burst === MAX_BURST || this.#output.backedUp) {
        this.#enlist(connection);
        return;
      }
      let sent: [number, { to: NativeHostPort }] | null;
      try {
        sent = connection.native.send(this.#output.buffer);
      } catch {
        this.counters.malformed++;
        return;
      }
      if (sent === null) {
        connection.longestQueuedDatagram = 0;
        connection.hasStreamData = false;
        return;
      }
      const length = sent[0];
      connection.lastSentAt = now;
      connection.ends.sent(length);
      connection.guard?.addWire(length, now);
      if (allowMigration) this.#output.sendBuffer(length, sent[1].to.host, sent[1].to.port);
      else this.#output.sendBuffer(length, connection.peerAddress, connection.peerPort);
      // A packet with room for the longest datagram that waits has taken all there was: spare the call that says so.
      if (
        connection.isEstablished &&
        !connection.hasStreamData &&
        length + connection.longestQueuedDatagram + 64 < maxUdpPayload
      ) {
        connection.longestQueuedDatagram = 0;
        return;
      }
    }
  }

  #arm(connection: QuicheConnection, now: number): void {
    const timeout = connection.native.timeout();
    // quiche's milliseconds are rounded down: one more, lest the timer fires before its time again and again.
    let deadline = timeout === null ? Number.POSITIVE_INFINITY : now + timeout + 1;
    if (connection.handshakeDeadline < deadline) deadline = connection.handshakeDeadline;
    const scan = connection.streams.scanDue;
    if (scan < deadline) deadline = scan;
    const { keepAliveMs } = this.options.transport;
    if (keepAliveMs > 0 && connection.isEstablished) {
      deadline = Math.min(deadline, Math.max(connection.lastSentAt, now - keepAliveMs) + keepAliveMs);
    }
    this.#timers.set(connection.index, deadline);
  }

  #endHandshake(connection: QuicheConnection): void {
    this.#table.forgetOriginal(connection);
    this.#door?.admission.end(connection.index);
  }

  #drop(connection: QuicheConnection, by: 'handshake-timeout'): void {
    connection.abandon({ by, application: false, code: TransportError.NO_ERROR, reason: by });
    this.#remove(connection, connection.lastSentAt);
  }

  #closeNow(connection: QuicheConnection, now: number): void {
    const info = { by: 'local', application: true, code: EXCESSIVE_LOAD, reason: 'others want the place' } as const;
    connection.close(info.application, info.code, info.reason);
    this.#sendPackets(connection, now);
    connection.abandon(info);
    this.#remove(connection, now);
  }

  #remove(connection: QuicheConnection, now: number): void {
    const info = connection.closeRequested ?? { by: 'engine', application: false, code: 0, reason: '' };
    this.options.trace?.connectionClosed(connection, info, connection.stats(), now);
    this.#table.forgetOriginal(connection);
    this.#door?.admission.gone(connection.index, now);
    this.#timers.delete(connection.index);
    this.#table.remove(connection);
    this.counters.connections = this.#table.size;
    connection.unread.leave();
    this.#reclaimer.noteEnd(this.counters.connections, connection.unread.bytes);
  }

  reviewUnread(): void {
    this.#unread.look();
  }

  boundUnread(bytes: number): void {
    this.counters.unreadClosed += this.#unread.bound(bytes, this.counters);
  }

  closeAll(code: number, reason: string, now: number): void {
    for (const connection of this.#table) connection.close(true, code, reason);
    this.flush(now);
    // There is no other flush for newcomers.
    this.#newcomers.serveAll(now);
  }
}
