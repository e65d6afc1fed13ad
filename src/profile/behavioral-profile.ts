export type RequestType = 'streaming' | 'transactional' | 'control';

/** What can go wrong with a session: streams reset, a limit hit, malformed protocol, a peer that does not read, silence. */
export const ERROR_SCENARIOS = ['reset', 'limit', 'malformed', 'slow', 'timeout'] as const;
export type ErrorScenario = (typeof ERROR_SCENARIOS)[number];

/** A piece of a client's past: bytes both ways in a stretch of time. */
export interface HistoryEntry {
  /** End of the stretch, milliseconds since the epoch. */
  timestamp: number;
  /** Bytes from the client and to it. */
  bytesIn: number;
  bytesOut: number;
  /** Length of the stretch, seconds. */
  seconds: number;
}

/** What is known of a client. */
export interface BehavioralProfile {
  clientIdentifier: string;
  /** Bytes/s, both ways together. */
  predictedDataRate: number;
  predictedRequestType: RequestType;
  /** 0 (none) to 1. */
  predictedSecurityRisk: number;
  historicalData: HistoryEntry[];
  /** Sessions that this client has opened before. */
  sessionsSeen: number;
}
