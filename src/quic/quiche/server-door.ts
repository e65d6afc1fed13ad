import { randomInt } from 'node:crypto';
import { AdmissionControl } from '../admission.js';
import { CID_LENGTH, CidCodec } from '../connection-id.js';
import type { QuicCounters, QuicEndpointHooks } from '../engine.js';
import { GoodputGuard } from '../goodput-guard.js';
import type { NativeConfig, NativeConnection, NativeHostPort, NativeQuiche } from '../native.js';
import type { QuicEndpointOptions, QuicServerOptions } from '../options.js';
import { MIN_INITIAL_SIZE, type PacketHeader, QUIC_VERSION_1, versionNegotiation } from '../packet-header.js';
import { StatelessResets, statelessResetToken } from '../stateless-reset.js';
import { resetTokenNumber, serverConfig, setStreamWindow } from './config.js';
import type { QuicheConnection } from './connection.js';
import type { ConnectionTable } from './connection-table.js';
import type { PacketOutput } from './packet-output.js';

const SERVER_MIN_DCID = 8;

/** The endpoint that a door is of. */
export interface DoorOwner {
  readonly options: QuicEndpointOptions;
  readonly hooks: QuicEndpointHooks;
  readonly counters: QuicCounters;
  readonly acceptsNew: boolean;
}

/** What the door does with connections, and what it needs for it. */
export interface DoorActions {
  adopt(
    native: NativeConnection,
    recvInfo: { from: NativeHostPort; to: NativeHostPort },
    guard: GoodputGuard,
    scid: Uint8Array,
    now: number,
  ): QuicheConnection;
  drop(connection: QuicheConnection): void;
  /** Closes a connection and lets go of it at once. */
  close(connection: QuicheConnection, now: number): void;
}

/** A server's part for packets that belong to no connection here: negotiates versions, accepts, hands on, resets. */
export class ServerDoor {
  readonly codec: CidCodec;
  readonly admission: AdmissionControl;
  readonly #resets: StatelessResets;
  readonly #local: NativeHostPort;
  #config: NativeConfig;

  constructor(
    readonly server: QuicServerOptions,
    readonly owner: DoorOwner,
    readonly actions: DoorActions,
    readonly quiche: NativeQuiche,
    readonly table: ConnectionTable,
    readonly output: PacketOutput,
  ) {
    const { options, counters } = owner;
    this.#local = { host: options.localAddress, port: options.localPort };
    this.codec = new CidCodec(server.cidKeys, server.route);
    this.admission = new AdmissionControl(server, this.codec, counters, {
      drop: (index) => {
        const connection = table.at(index);
        if (connection !== null) actions.drop(connection);
      },
      close: (index, now) => {
        const connection = table.at(index);
        if (connection !== null) actions.close(connection, now);
      },
    });
    this.#resets = new StatelessResets(server.resetKey);
    this.#config = serverConfig(quiche, options, server.certificate, server.privateKey);
  }

  setCertificate(certificate: string, privateKey: string): void {
    this.#config = serverConfig(this.quiche, this.owner.options, certificate, privateKey);
  }

  /**
   * A long-header packet that names no connection here. Returns the connection that is to take it, made for it where it
   * begins one; null where there is none.
   */
  receiveLong(
    header: PacketHeader,
    packet: Uint8Array,
    address: string,
    port: number,
    now: number,
  ): QuicheConnection | null {
    const { counters } = this.owner;
    const { route } = this.server;
    if (header.version !== QUIC_VERSION_1) {
      // RFC 9000 section 6.1: only for packets that could begin a connection; version 0 is a negotiation itself.
      if (header.version === 0 || packet.length < MIN_INITIAL_SIZE || !this.admission.mayAnswer(now)) return null;
      counters.versionNegotiationsSent++;
      this.output.send(versionNegotiation(packet, header, randomInt(2 ** 32)), address, port);
      return null;
    }
    const ours = header.dcidLength === CID_LENGTH ? this.codec.decode(packet, header.dcidAt) : null;
    if (ours !== null && (ours.host !== route.host || ours.shard !== route.shard)) {
      this.#handOn(ours.host, ours.shard, packet, address, port);
      return null;
    }
    if (!header.isInitial) {
      counters.unknownConnection++;
      return null;
    }
    const dcid = packet.slice(header.dcidAt, header.dcidAt + header.dcidLength);
    return this.table.ofOriginal(dcid) ?? this.#receiveInitial(header, dcid, packet, address, port, now);
  }

  #receiveInitial(
    header: PacketHeader,
    dcid: Uint8Array,
    packet: Uint8Array,
    address: string,
    port: number,
    now: number,
  ): QuicheConnection | null {
    const { counters, hooks, acceptsNew } = this.owner;
    if (packet.length < MIN_INITIAL_SIZE || dcid.length < SERVER_MIN_DCID) {
      counters.malformed++;
      return null;
    }
    if (!acceptsNew) {
      if (hooks.onNewElsewhere?.(packet, address, port)) counters.handedOn++;
      else counters.refusedFull++;
      return null;
    }
    const token = packet.subarray(header.tokenAt, header.tokenAt + header.tokenLength);
    const verdict = this.admission.judge({ dcid, token, address, port }, now, this.#epochNow());
    if (verdict.action === 'retry') this.#sendRetry(header, packet, dcid, address, port);
    return verdict.action === 'accept' ? this.#accept(verdict.originalDcid, dcid, address, port, now) : null;
  }

  #accept(
    originalDcid: Uint8Array | null,
    dcid: Uint8Array,
    address: string,
    port: number,
    now: number,
  ): QuicheConnection | null {
    const { server } = this;
    const { options, hooks, counters } = this.owner;
    const scid = originalDcid === null ? this.codec.create() : dcid;
    // Transport parameters are copied at accept, so each connection has a reset token of its own for one native call.
    // quiche 0.18 writes them into 128 bytes, where the two IDs that a Retry adds leave no room for the token.
    const resetToken = originalDcid === null ? resetTokenNumber(statelessResetToken(server.resetKey, scid)) : null;
    this.#config.setStatelessResetToken(resetToken);
    if (server.streamWindow !== undefined) setStreamWindow(this.#config, server.streamWindow(address));
    const recvInfo = { from: { host: address, port }, to: this.#local };
    let native: NativeConnection;
    try {
      native = this.quiche.Connection.accept(scid, originalDcid, this.#local, recvInfo.from, this.#config);
    } catch {
      counters.malformed++;
      return null;
    }
    if (options.keyLogFile !== undefined) native.setKeylog(options.keyLogFile);
    const connection = this.actions.adopt(native, recvInfo, new GoodputGuard(server.goodput), scid, now);
    this.table.setOriginal(connection, dcid);
    connection.handshakeDeadline = now + server.handshakeTimeoutMs;
    this.admission.begin(connection.index, address, now);
    counters.accepted++;
    hooks.onConnection(connection);
    return connection;
  }

  #sendRetry(header: PacketHeader, packet: Uint8Array, dcid: Uint8Array, address: string, port: number): void {
    const scid = packet.slice(header.scidAt, header.scidAt + header.scidLength);
    const retryScid = this.codec.create();
    const token = this.admission.tokens.issue(dcid, retryScid, address, port, this.#epochNow());
    try {
      const length = this.quiche.retry(scid, dcid, retryScid, token, header.version, this.output.buffer);
      this.owner.counters.retriesSent++;
      this.output.sendBuffer(length, address, port);
    } catch {
      this.owner.counters.malformed++;
    }
  }

  /** A short-header packet for no connection here: another shard's, or of one that is gone. */
  receiveStray(packet: Uint8Array, address: string, port: number, now: number): void {
    const own = this.server.route;
    const route = this.codec.decode(packet, 1);
    if (route === null) return;
    if (route.host !== own.host || route.shard !== own.shard) {
      this.#handOn(route.host, route.shard, packet, address, port);
      return;
    }
    const reset = this.#resets.answer(packet, now);
    if (reset === null) return;
    this.owner.counters.statelessResetsSent++;
    this.output.send(reset, address, port);
  }

  #handOn(host: number, shard: number, packet: Uint8Array, address: string, port: number): void {
    if (host === this.server.route.host && this.owner.hooks.onForeign?.(shard, packet, address, port)) {
      this.owner.counters.handedOn++;
    }
  }

  #epochNow(): number {
    return this.owner.options.epochNow?.() ?? Date.now();
  }
}
