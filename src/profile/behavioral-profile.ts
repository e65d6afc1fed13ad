export type RequestType = 'streaming' | 'transactional' | 'control';
/** In the order of the model's outputs. */
export const REQUEST_TYPES: readonly RequestType[] = ['streaming', 'transactional', 'control'];

/** What can go wrong with a session: streams reset, a limit hit, malformed protocol, a peer that does not read, silence. */
export const ERROR_SCENARIOS = ['reset', 'limit', 'malformed', 'slow', 'timeout'] as const;
export type ErrorScenario = (typeof ERROR_SCENARIOS)[number];

/** The bit of a scenario in a set of them. */
export function errorBit(scenario: ErrorScenario): number {
  return 1 << ERROR_SCENARIOS.indexOf(scenario);
}

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

/** What a model keeps of a client between its sessions. */
export interface PredictionMemory {
  /** The model: its state means nothing to another. */
  model: string;
  state: Float32Array;
  /** What the client sends more or less than the model expects, in log1p(bytes). */
  bias: number;
  /** What the model said last. */
  requestType: RequestType;
  risk: number;
}

/** What is known of a client. */
export interface BehavioralProfile {
  clientIdentifier: string;
  /** Bytes/s, both ways together: the expectation, and the band that holds four in five of what comes; null: not known. */
  predictedDataRate: number;
  predictedDataRateBand: [low: number, high: number] | null;
  predictedRequestType: RequestType;
  /** 0 (none) to 1. */
  predictedSecurityRisk: number;
  /** Chance of each scenario: of a session to come, or of an open one in the minute to come. */
  predictedErrors: Record<ErrorScenario, number>;
  /** bytes/s that the model would set as a limit; null without one. */
  predictedRateLimit: number | null;
  /** Which model says so; null: the average of the past. */
  predictedBy: string | null;
  historicalData: HistoryEntry[];
  /** Sessions that this client has opened before. */
  sessionsSeen: number;
  /** When it was first and last seen, ms since the epoch; 0: never. */
  firstSeen: number;
  lastSeen: number;
  /** Clients that behave alike, where there are enough of them to be named; null: not known. */
  cohort: string | null;
}
