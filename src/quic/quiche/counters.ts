import type { QuicCounters } from '../engine.js';

/** All at 0. */
export function newCounters(): QuicCounters {
  return {
    connections: 0,
    handshakes: 0,
    accepted: 0,
    established: 0,
    retriesSent: 0,
    answersHeld: 0,
    versionNegotiationsSent: 0,
    statelessResetsSent: 0,
    refusedFull: 0,
    refusedPrefix: 0,
    refusedToken: 0,
    evictedHandshakes: 0,
    evictedConnections: 0,
    handshakeTimeouts: 0,
    handshakeFloods: 0,
    goodputClosed: 0,
    malformed: 0,
    unknownConnection: 0,
    wrongPath: 0,
    handedOn: 0,
    packetsIn: 0,
    packetsDelivered: 0,
    packetsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    unreadBytes: 0,
    unreadClosed: 0,
  };
}
