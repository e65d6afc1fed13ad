import { DEFAULT_TRANSPORT, type QuicTransportOptions } from '../src/quic/options.js';
import type { TransportInit } from './native-types.js';

/** Control stream and the two of QPACK. */
const HTTP3_UNI_STREAMS = 3;
const DEFAULT_STREAMS = 100;

/** The library's options as QUIC's; what is left out is as in the host. */
export function transportOptions(init: TransportInit): QuicTransportOptions {
  return {
    ...DEFAULT_TRANSPORT,
    initialStreamWindow: init.initialStreamFlowControlWindow ?? DEFAULT_TRANSPORT.initialStreamWindow,
    maxStreamWindow: init.streamFlowControlWindowSizeLimit ?? DEFAULT_TRANSPORT.maxStreamWindow,
    initialConnectionWindow: init.initialSessionFlowControlWindow ?? DEFAULT_TRANSPORT.initialConnectionWindow,
    maxConnectionWindow: init.sessionFlowControlWindowSizeLimit ?? DEFAULT_TRANSPORT.maxConnectionWindow,
    // As with the official module the CONNECT request counts among them.
    maxBidirectionalStreams: init.initialBidirectionalStreams ?? DEFAULT_STREAMS,
    maxUnidirectionalStreams: (init.initialUnidirectionalStreams ?? DEFAULT_STREAMS) + HTTP3_UNI_STREAMS,
  };
}

/** PEM of one certificate or several. */
export function joinPem(pem: string | string[] | undefined): string {
  return Array.isArray(pem) ? pem.join('\n') : (pem ?? '');
}

/** A structured-field list of strings (RFC 8941), as WT-Available-Protocols is; null where it is malformed. */
export function parseProtocols(header: string): string[] | null {
  const protocols: string[] = [];
  for (const item of header.split(',').map((part) => part.trim())) {
    const match = /^"((?:[^"\\]|\\["\\])*)"$/.exec(item);
    if (match === null) return null;
    protocols.push(match[1].replace(/\\(["\\])/g, '$1'));
  }
  return protocols;
}

export function formatProtocol(protocol: string): string {
  return `"${protocol.replace(/["\\]/g, '\\$&')}"`;
}
