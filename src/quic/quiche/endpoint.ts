import { randomBytes, randomInt } from 'node:crypto';
import { AdmissionControl } from '../admission.js';
import { CidTable } from '../cid-table.js';
import { CID_LENGTH, CidCodec } from '../connection-id.js';
import type { QuicConnection, QuicConnectOptions, QuicCounters, QuicEndpoint, QuicEndpointHooks } from '../engine.js';
import { TidegateError, TransportError } from '../errors.js';
import { GoodputGuard } from '../goodput-guard.js';
import {
  loadQuiche,
  type NativeConfig,
  type NativeConnection,
  type NativeHostPort,
  type NativeQuiche,
} from '../native.js';
import type { QuicEndpointOptions, QuicServerOptions } from '../options.js';
import { MIN_INITIAL_SIZE, PacketHeader, QUIC_VERSION_1, versionNegotiation } from '../packet-header.js';
import { StatelessResets, statelessResetToken } from '../stateless-reset.js';
import { TimerHeap } from '../timer-heap.js';
import { clientConfig, serverConfig, setStreamWindow } from './config.js';
import { QuicheConnection } from './connection.js';
import { PacketOutput } from './packet-output.js';
import { NativeReclaimer } from './reclaimer.js';

/** H3_EXCESSIVE_LOAD, RFC 9114 section 8.1: what the goodput guard closes with. */
const EXCESSIVE_LOAD = 0x107;
/** Packets of one connection taken before its events are raised; below the datagram queue's length. */
const MAX_PENDING_PACKETS = 32;
/** Packets that one connection sends in a flush before the others have their turn. */
const MAX_BURST = 64;
const SERVER_MIN_DCID = 8;
/** Connection IDs offered beside the one in use, where migration is allowed. */
const SPARE_IDS = 2;

function newCounters(): QuicCounters {
  return {
    connections: 0,
    handshakes: 0,
    accepted: 0,
    established: 0,
    retriesSent: 0,
    versionNegotiationsSent: 0,
    statelessResetsSent: 0,
    refusedFull: 0,
    refusedPrefix: 0,
    refusedToken: 0,
    evictedHandshakes: 0,
    handshakeTimeouts: 0,
    goodputClosed: 0,
    malformed: 0,
    unknownConnection: 0,
    wrongPath: 0,
    handedOn: 0,
    packetsIn: 0,
    packetsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

interface ServerState extends QuicServerOptions {
  config: NativeConfig;
  codec: CidCodec;
  admission: AdmissionControl;
  resets: StatelessResets;
}

/** A QUIC endpoint on quiche: routes packets to connections, accepts within limits, flushes in batches. */
export class QuicheEndpoint implements QuicEndpoint {
  readonly counters = newCounters();
  acceptsNew = true;
  readonly #quiche: NativeQuiche;
  readonly #server: ServerState | null;
  readonly #clientConfig: NativeConfig | null;
  readonly #local: NativeHostPort;
  readonly #clientResetKey = randomBytes(32);
  readonly #cids = new CidTable();
  /** By the ID that a client chose for its first packet, until its handshake is done. */
  readonly #byOriginal = new Map<string, QuicheConnection>();
  readonly #table: (QuicheConnection | null)[] = [];
  readonly #free: number[] = [];
  readonly #timers = new TimerHeap();
  readonly #reclaimer = new NativeReclaimer();
  readonly #header = new PacketHeader();
  #touched: QuicheConnection[] = [];
  #spare: QuicheConnection[] = [];
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
    this.#server = options.server === undefined ? null : this.#createServer(options.server);
    this.#clientConfig = options.client === undefined ? null : clientConfig(this.#quiche, options);
  }

  #createServer(server: QuicServerOptions): ServerState {
    const codec = new CidCodec(server.cidKeys, server.route);
    return {
      ...server,
      config: serverConfig(this.#quiche, this.options, server.certificate, server.privateKey),
      codec,
      admission: new AdmissionControl(server, codec, this.counters, (index) => {
        const connection = this.#table[index];
        if (connection !== null && connection !== undefined) this.#drop(connection, 'handshake-timeout');
      }),
      resets: new StatelessResets(server.resetKey),
    };
  }

  get connections(): Iterable<QuicConnection> {
    return this.#table.filter((connection) => connection !== null);
  }

  setCertificate(certificate: string, privateKey: string): void {
    if (this.#server === null) return;
    this.#server.config = serverConfig(this.#quiche, this.options, certificate, privateKey);
  }

  nextTimeout(): number {
    return this.#timers.next();
  }

  touch(connection: QuicheConnection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
    if (!this.#inFlush) this.hooks.requestFlush();
  }

  sendNow(connection: QuicheConnection): void {
    if (this.#output.backedUp) return;
    this.#sendPackets(connection, performance.now());
    if (this.#touched.length > 0 && !this.#inFlush) this.hooks.requestFlush();
  }

  receive(packet: Uint8Array, address: string, port: number, now: number): void {
    this.counters.packetsIn++;
    this.counters.bytesIn += packet.length;
    const header = this.#header;
    if (!header.parse(packet, CID_LENGTH)) {
      this.counters.malformed++;
      return;
    }
    const index = header.dcidLength === CID_LENGTH ? this.#cids.get(packet, header.dcidAt) : -1;
    if (index >= 0) {
      this.#deliver(this.#table[index] as QuicheConnection, packet, address, port, now);
    } else if (header.isLong) {
      this.#receiveLong(packet, address, port, now);
    } else {
      this.#receiveStray(packet, address, port, now);
    }
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
    try {
      connection.native.recv(packet, info);
    } catch {
      // What quiche can't read closes the connection where the RFC says so; raiseEvents tells the handler.
      this.counters.malformed++;
    }
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

  #receiveLong(packet: Uint8Array, address: string, port: number, now: number): void {
    const header = this.#header;
    const server = this.#server;
    if (server === null) {
      this.counters.unknownConnection++;
      return;
    }
    if (header.version !== QUIC_VERSION_1) {
      // RFC 9000 section 6.1: only for packets that could begin a connection; version 0 is a negotiation itself.
      if (header.version === 0 || packet.length < MIN_INITIAL_SIZE) return;
      this.counters.versionNegotiationsSent++;
      this.#output.send(versionNegotiation(packet, header, randomInt(2 ** 32)), address, port);
      return;
    }
    const ours = header.dcidLength === CID_LENGTH ? server.codec.decode(packet, header.dcidAt) : null;
    if (ours !== null && (ours.host !== server.route.host || ours.shard !== server.route.shard)) {
      this.#handOn(ours.host, ours.shard, packet, address, port);
      return;
    }
    if (!header.isInitial) {
      this.counters.unknownConnection++;
      return;
    }
    const dcid = packet.slice(header.dcidAt, header.dcidAt + header.dcidLength);
    const known = this.#byOriginal.get(keyOf(dcid));
    if (known !== undefined) {
      this.#deliver(known, packet, address, port, now);
    } else {
      this.#receiveInitial(server, dcid, packet, address, port, now);
    }
  }

  #receiveInitial(
    server: ServerState,
    dcid: Uint8Array,
    packet: Uint8Array,
    address: string,
    port: number,
    now: number,
  ): void {
    const header = this.#header;
    if (packet.length < MIN_INITIAL_SIZE || dcid.length < SERVER_MIN_DCID) {
      this.counters.malformed++;
      return;
    }
    if (!this.acceptsNew) {
      if (this.hooks.onNewElsewhere?.(packet, address, port)) this.counters.handedOn++;
      else this.counters.refusedFull++;
      return;
    }
    const token = packet.subarray(header.tokenAt, header.tokenAt + header.tokenLength);
    const verdict = server.admission.judge({ dcid, token, address, port }, now, this.#epochNow());
    if (verdict.action === 'retry') this.#sendRetry(server, packet, dcid, address, port);
    else if (verdict.action === 'accept') this.#accept(server, verdict.originalDcid, dcid, packet, address, port, now);
  }

  #accept(
    server: ServerState,
    originalDcid: Uint8Array | null,
    dcid: Uint8Array,
    packet: Uint8Array,
    address: string,
    port: number,
    now: number,
  ): void {
    const scid = originalDcid === null ? server.codec.create() : dcid;
    // Transport parameters are copied at accept, so each connection has a reset token of its own for one native call.
    // quiche 0.18 writes them into 128 bytes, where the two IDs that a Retry adds leave no room for the token.
    const resetToken = originalDcid === null ? tokenNumber(statelessResetToken(server.resetKey, scid)) : null;
    server.config.setStatelessResetToken(resetToken);
    if (server.streamWindow !== undefined) setStreamWindow(server.config, server.streamWindow(address));
    const recvInfo = { from: { host: address, port }, to: this.#local };
    let native: NativeConnection;
    try {
      native = this.#quiche.Connection.accept(scid, originalDcid, this.#local, recvInfo.from, server.config);
    } catch {
      this.counters.malformed++;
      return;
    }
    if (this.options.keyLogFile !== undefined) native.setKeylog(this.options.keyLogFile);
    const connection = new QuicheConnection(
      this.#newIndex(),
      true,
      native,
      recvInfo,
      this,
      new GoodputGuard(server.goodput),
    );
    this.#register(connection, scid, now);
    connection.originalKey = keyOf(dcid);
    this.#byOriginal.set(connection.originalKey, connection);
    connection.handshakeDeadline = now + server.handshakeTimeoutMs;
    server.admission.begin(connection.index, address, now);
    this.counters.accepted++;
    this.hooks.onConnection(connection);
    this.#deliver(connection, packet, address, port, now);
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
    const connection = new QuicheConnection(this.#newIndex(), false, native, recvInfo, this, null);
    if (options.handler !== undefined) connection.handler = options.handler;
    this.#register(connection, scid, now);
    this.touch(connection);
    return connection;
  }

  #register(connection: QuicheConnection, scid: Uint8Array, now: number): void {
    this.#table[connection.index] = connection;
    this.#cids.set(scid, connection.index);
    connection.localIds.push(scid);
    this.counters.connections++;
    this.options.trace?.connectionStarted(connection, now);
  }

  #newIndex(): number {
    return this.#free.pop() ?? this.#table.push(null) - 1;
  }

  #sendRetry(server: ServerState, packet: Uint8Array, dcid: Uint8Array, address: string, port: number): void {
    const header = this.#header;
    const scid = packet.slice(header.scidAt, header.scidAt + header.scidLength);
    const retryScid = server.codec.create();
    const token = server.admission.tokens.issue(dcid, retryScid, address, port, this.#epochNow());
    try {
      const length = this.#quiche.retry(scid, dcid, retryScid, token, header.version, this.#output.buffer);
      this.counters.retriesSent++;
      this.#output.sendBuffer(length, address, port);
    } catch {
      this.counters.malformed++;
    }
  }

  /** A short-header packet for no connection here: another shard's, or of one that is gone. */
  #receiveStray(packet: Uint8Array, address: string, port: number, now: number): void {
    this.counters.unknownConnection++;
    const server = this.#server;
    const route = server?.codec.decode(packet, 1) ?? null;
    if (server === null || route === null) return;
    if (route.host !== server.route.host || route.shard !== server.route.shard) {
      this.#handOn(route.host, route.shard, packet, address, port);
      return;
    }
    const reset = server.resets.answer(packet, now);
    if (reset === null) return;
    this.counters.statelessResetsSent++;
    this.#output.send(reset, address, port);
  }

  #handOn(host: number, shard: number, packet: Uint8Array, address: string, port: number): void {
    if (host === this.#server?.route.host && this.hooks.onForeign?.(shard, packet, address, port)) {
      this.counters.handedOn++;
    }
  }

  handleTimeouts(now: number): void {
    for (;;) {
      const index = this.#timers.pop(now);
      if (index < 0) break;
      const connection = this.#table[index];
      if (connection === null || connection === undefined) continue;
      if (!connection.isEstablished && now >= connection.handshakeDeadline) {
        this.counters.handshakeTimeouts++;
        this.#drop(connection, 'handshake-timeout');
        continue;
      }
      connection.native.onTimeout();
      connection.timerFired = true;
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
      // Events may touch further connections; two rounds take those along, the rest asks for another flush.
      for (let round = 0; round < 2 && this.#touched.length > 0 && !this.#output.backedUp; round++) {
        const batch = this.#touched;
        this.#touched = this.#spare;
        for (let i = 0; i < batch.length; i++) {
          const connection = batch[i];
          connection.touched = false;
          if (this.#table[connection.index] === connection) this.#service(connection, now);
        }
        batch.length = 0;
        this.#spare = batch;
      }
    } finally {
      this.#inFlush = false;
    }
    if (this.#touched.length > 0) this.hooks.requestFlush();
  }

  #service(connection: QuicheConnection, now: number): void {
    const wasEstablished = connection.isEstablished;
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
    this.counters.established++;
    this.#endHandshake(connection);
    if (this.options.transport.allowMigration) this.#offerIds(connection);
    this.options.trace?.connectionEstablished(connection, now);
  }

  /** Spare IDs, which either side needs when an address changes (RFC 9000 section 9.5). */
  #offerIds(connection: QuicheConnection): void {
    while (connection.localIds.length <= SPARE_IDS && connection.native.sourceCidsLeft() > 0) {
      const id = connection.isServer ? (this.#server as ServerState).codec.create() : randomBytes(CID_LENGTH);
      const resetKey = this.#server?.resetKey ?? this.#clientResetKey;
      try {
        connection.native.newSourceCid(id, tokenNumber(statelessResetToken(resetKey, id)), false);
      } catch {
        return;
      }
      this.#cids.set(id, connection.index);
      connection.localIds.push(id);
    }
  }

  #followPath(connection: QuicheConnection): void {
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
      this.#cids.delete(retired);
      const at = connection.localIds.findIndex((id) => Buffer.compare(id, retired) === 0);
      if (at >= 0) connection.localIds.splice(at, 1);
      this.#offerIds(connection);
    }
  }

  #sendPackets(connection: QuicheConnection, now: number): void {
    const { maxUdpPayload, allowMigration } = this.options.transport;
    if (allowMigration && connection.isEstablished) this.#followPath(connection);
    for (let burst = 0; ; burst++) {
      if (burst === MAX_BURST || this.#output.backedUp) {
        connection.touched = true;
        this.#touched.push(connection);
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
    if (connection.originalKey !== null) this.#byOriginal.delete(connection.originalKey);
    connection.originalKey = null;
    this.#server?.admission.end(connection.index);
  }

  #drop(connection: QuicheConnection, by: 'handshake-timeout'): void {
    connection.abandon({ by, application: false, code: TransportError.NO_ERROR, reason: by });
    this.#remove(connection, connection.lastSentAt);
  }

  #remove(connection: QuicheConnection, now: number): void {
    const info = connection.closeRequested ?? { by: 'engine', application: false, code: 0, reason: '' };
    this.options.trace?.connectionClosed(connection, info, connection.stats(), now);
    this.#endHandshake(connection);
    for (const id of connection.localIds) this.#cids.delete(id);
    this.#timers.delete(connection.index);
    this.#table[connection.index] = null;
    this.#free.push(connection.index);
    this.counters.connections--;
    this.#reclaimer.noteEnd(this.counters.connections);
  }

  closeAll(code: number, reason: string, now: number): void {
    for (const connection of this.#table) connection?.close(true, code, reason);
    this.flush(now);
  }

  #epochNow(): number {
    return this.options.epochNow?.() ?? Date.now();
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

function tokenNumber(token: Buffer): bigint {
  return BigInt(`0x${token.toString('hex')}`);
}
