/**
 * The narrow waist between QUIC and what stands on it: `http3/`, the shards, the drop-in and the load generator see
 * QUIC only through these interfaces, so another engine can take quiche's place. `test/quic/conformance.ts` holds the
 * suite that every engine has to pass.
 *
 * Sans-IO: packets and the time (milliseconds, monotonic) come in as arguments, packets go out through a callback.
 * Events are calls on a handler rather than objects, as the datagram path must not allocate.
 */

/** What {@link QuicConnection.streamRead} and {@link QuicConnection.streamWrite} return besides byte counts. */
export const STREAM_BLOCKED = -1;
/** The peer reset the stream (read) or asked to stop (write); {@link QuicConnection.streamErrorCode} has its code. */
export const STREAM_ABORTED = -2;
/** There is no such stream (any more). */
export const STREAM_GONE = -3;

export type DatagramSendResult = 'sent' | 'queue-full' | 'too-big' | 'unsupported';

/** How a connection ended. `by`: who ended it. Codes are of the application (RFC 9114) or of QUIC (RFC 9000 section 20). */
export interface QuicCloseInfo {
  by: 'peer' | 'local' | 'idle-timeout' | 'handshake-timeout' | 'engine';
  application: boolean;
  code: number;
  reason: string;
}

/** Receives a connection's events, always inside a call of the endpoint. */
export interface QuicConnectionHandler {
  onEstablished(): void;
  /** `bytes[0..length)` is a datagram; the buffer is used again as soon as the call returns. */
  onDatagram(bytes: Uint8Array, length: number): void;
  onStreamReadable(id: number): void;
  /** A stream that took less than offered has room again. */
  onStreamWritable(id: number): void;
  /** The peer asked to stop sending (STOP_SENDING); noticed within a few packets also where nothing is written. */
  onStreamStopped(id: number, code: number): void;
  /** The peer allows more streams of ours than before. */
  onStreamsAvailable(): void;
  onClosed(info: QuicCloseInfo): void;
}

/** Hears nothing: what a connection has until somebody listens, and a base for handlers of a few events. */
export const SILENT_CONNECTION: QuicConnectionHandler = {
  onEstablished() {},
  onDatagram() {},
  onStreamReadable() {},
  onStreamWritable() {},
  onStreamStopped() {},
  onStreamsAvailable() {},
  onClosed() {},
};

export interface QuicStats {
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  bytesReceived: number;
  bytesSent: number;
  /** Smoothed round-trip time, milliseconds. */
  rtt: number;
  /** Congestion window, bytes. */
  congestionWindow: number;
  /** Estimated delivery rate, bytes/s. */
  deliveryRate: number;
}

export interface QuicConnection {
  /** Index in the endpoint's connection table; used again after the connection is gone. */
  readonly index: number;
  readonly isServer: boolean;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly isEstablished: boolean;
  /** True from the first of close(), the peer's close and a timeout on. */
  readonly isClosed: boolean;
  handler: QuicConnectionHandler;
  /** UDP bytes for a byte of use in the last second; 1 where nobody counts. */
  readonly wireRatio: number;
  /** The certificate chain of the peer, DER, leaf first; empty where it sent none. */
  peerCertificates(): Uint8Array[];

  /**
   * The id of the next stream of ours (RFC 9000 section 2.1), or -1 while the peer allows no more. `watchStop` false
   * spares the looks for STOP_SENDING where writing will notice it.
   */
  openStream(bidirectional: boolean, watchStop?: boolean): number;
  /** Streams of ours that the peer allows now. */
  streamsLeft(bidirectional: boolean): number;
  /** Reads into `into`. Returns bytes read (0 with {@link streamFinished} at the end), or a STREAM_ constant. */
  streamRead(id: number, into: Uint8Array): number;
  /** True where the last {@link streamRead} reached the end of the stream. */
  streamFinished: boolean;
  /** The code behind the last STREAM_ABORTED. */
  streamErrorCode: number;
  /**
   * Offers bytes (and the end). Returns bytes taken, or a STREAM_ constant. Where less than all was taken,
   * onStreamWritable follows; the end is only sent once all is taken.
   */
  streamWrite(id: number, bytes: Uint8Array, end: boolean): number;
  /** STOP_SENDING. */
  streamStop(id: number, code: number): void;
  /** RESET_STREAM. */
  streamReset(id: number, code: number): void;
  /** Reading stops being asked for until resumed: no onStreamReadable, the peer is held by flow control. */
  streamPause(id: number): void;
  streamResume(id: number): void;
  /** 0 (first) to 255 (last); 127 is what a stream has. */
  streamPriority(id: number, urgency: number): void;

  /** Queues a datagram for the next flush. */
  datagramSend(bytes: Uint8Array): DatagramSendResult;
  /** Longest datagram that can be sent now, bytes; 0 where the peer takes none. */
  datagramMaxLength(): number;

  close(application: boolean, code: number, reason: string): void;
  stats(): QuicStats;
}

export interface QuicConnectOptions {
  address: string;
  port: number;
  /** For SNI and certificate checks; left out for IP addresses. */
  serverName?: string;
  /** Can be set on the connection as well, before its first flush. */
  handler?: QuicConnectionHandler;
}

/** Counters of an endpoint, all since its start unless said otherwise. */
export interface QuicCounters {
  connections: number;
  handshakes: number;
  accepted: number;
  established: number;
  retriesSent: number;
  /** First packets that would have been answered by a Retry or Version Negotiation, were there not so many. */
  answersHeld: number;
  versionNegotiationsSent: number;
  statelessResetsSent: number;
  refusedFull: number;
  refusedPrefix: number;
  refusedToken: number;
  evictedHandshakes: number;
  evictedConnections: number;
  handshakeTimeouts: number;
  /** Packets of handshakes that had more than any takes. */
  handshakeFloods: number;
  goodputClosed: number;
  malformed: number;
  unknownConnection: number;
  wrongPath: number;
  handedOn: number;
  packetsIn: number;
  /** Those among them that are of an established connection. */
  packetsDelivered: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  /** What came and was not read, now. */
  unreadBytes: number;
  /** Connections that {@link QuicEndpoint.boundUnread} closed. */
  unreadClosed: number;
}

export interface QuicEndpoint {
  /**
   * Takes one UDP payload. Its events come at the next {@link flush}, or at once where many packets queue up; a server answers who
   * is not connected yet in a flush, too, and may take several for it ({@link QuicEndpointHooks.requestFlush}).
   */
  receive(packet: Uint8Array, address: string, port: number, now: number): void;
  /** Ends a batch: raises the events of every touched connection and sends what each has to say. */
  flush(now: number): void;
  /** When {@link handleTimeouts} wants to be called (milliseconds, same clock), Infinity for never. */
  nextTimeout(): number;
  handleTimeouts(now: number): void;
  connect(options: QuicConnectOptions, now: number): QuicConnection;
  /** A new certificate for connections from now on. Throws TidegateError where key and certificate do not fit. */
  setCertificate(certificate: string, privateKey: string): void;
  /** While false, Initials of new connections are handed to `onNewElsewhere` or dropped. */
  acceptsNew: boolean;
  readonly counters: QuicCounters;
  readonly connections: Iterable<QuicConnection>;
  /** Corrects `unreadBytes`, which is known by the packets that came. To be called about once a second. */
  reviewUnread(): void;
  /**
   * Closes connections that hold most unread until `unreadBytes` is no more than `bytes`, with H3_EXCESSIVE_LOAD; none that holds less
   * than a stream is granted at first.
   */
  boundUnread(bytes: number): void;
  /** Closes every connection. Their close packets leave with the flush that this call makes. */
  closeAll(code: number, reason: string, now: number): void;
}

/** What the owner of an endpoint provides. */
export interface QuicEndpointHooks {
  /** Sends a packet. The buffer is used again after the call. False where the socket is backed up: try again later. */
  transmit(packet: Uint8Array, address: string, port: number): boolean;
  /** Something outside a receive call wants a flush soon (an application wrote). */
  requestFlush(): void;
  /** A new connection of a client; sets its handler. */
  onConnection(connection: QuicConnection): void;
  /** A packet whose connection ID names another shard. Returns false where there is none. */
  onForeign?(shard: number, packet: Uint8Array, address: string, port: number): boolean;
  /** A first packet that reached an endpoint which takes no new connections. */
  onNewElsewhere?(packet: Uint8Array, address: string, port: number): boolean;
}
