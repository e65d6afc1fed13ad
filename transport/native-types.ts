/**
 * The parts of `@fails-components/webtransport`'s native interfaces (its `lib/types.ts`) that its W3C classes use, in
 * both directions.
 */
export interface ReadBuffer {
  buffer?: Uint8Array;
  byob?: unknown;
  readBytes?: number;
  drained?: boolean;
  fin: boolean;
}

/** The library's stream object. */
export interface LibraryStream {
  getReadBuffer(args: { byteSize: number }): ReadBuffer;
  commitReadBuffer(args: ReadBuffer): { stopReading?: boolean };
  onStreamRecvSignal(event: { code: number; nettask: 'stopSending' | 'resetStream' }): void;
  onStreamWrite(event: { success: boolean }): void;
  onStreamNetworkFinish(event: { nettask: 'stopSending' | 'resetStream' | 'streamFinal' }): void;
}

/** The library's session object. */
export interface LibrarySession {
  state: string;
  onReady(event: { protocol?: string }): void;
  onClose(event: { errorcode: number; error: string }): void;
  onDatagramReceived(event: { datagram: Uint8Array }): void;
  onGoAwayReceived(event: object): void;
  onSessionStats(event: object): void;
  onDatagramStats(event: object): void;
  onStream(event: {
    stream: object;
    bidirectional: boolean;
    incoming: boolean;
    sendGroupId: bigint;
    sendOrder: number;
  }): void;
}

export interface StreamOrder {
  sendGroup?: { _sendGroupId?: bigint } | null;
  sendOrder?: number;
  waitUntilAvailable?: boolean;
}

/** The library's server object. */
export interface LibraryServer {
  onServerListening(event: { port: number; host: string }): void;
  onServerError(error: Error): void;
  onServerClose(): void;
  onSessionRequest(event: object): void;
  onHttpWTSessionVisitor(event: object): void;
}

/** The library's client object. */
export interface LibraryClient {
  onClientConnected(event: { success: boolean }): void;
  onClientWebTransportSupport(event: object): void;
  onHttpWTSessionVisitor(event: { session: object; reliable: boolean }): void;
  onClientError?(event: { errorcode: number; error: string }): void;
}

export interface TransportInit {
  host?: string;
  port?: number | string;
  cert?: string | string[];
  privKey?: string | string[];
  maxConnections?: number;
  localPort?: number;
  forceIpv6?: boolean;
  protocols?: string[];
  serverCertificateHashes?: { algorithm: string; value: BufferSource }[];
  initialStreamFlowControlWindow?: number;
  streamFlowControlWindowSizeLimit?: number;
  initialSessionFlowControlWindow?: number;
  sessionFlowControlWindowSizeLimit?: number;
  initialBidirectionalStreams?: number;
  initialUnidirectionalStreams?: number;
}
