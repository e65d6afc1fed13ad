/** Names of a shard's counters, in the order of their places in shared memory. */
export const COUNTER_NAMES = [
  'sessions',
  'connections',
  'handshakes',
  'accepted',
  'established',
  'retriesSent',
  'answersHeld',
  'versionNegotiationsSent',
  'statelessResetsSent',
  'refusedFull',
  'refusedPrefix',
  'refusedToken',
  'evictedHandshakes',
  'evictedConnections',
  'handshakeTimeouts',
  'handshakeFloods',
  'goodputClosed',
  'malformed',
  'unknownConnection',
  'wrongPath',
  'handedOn',
  'unreadBytes',
  'unreadClosed',
  'packetsIn',
  'packetsDelivered',
  'packetsOut',
  'bytesIn',
  'bytesOut',
  'sessionsOpened',
  'sessionsRefused',
  'sessionsClosed',
  'sessionsDeferred',
  'sessionsShed',
  'datagramsDropped',
  'droppedSessionBytes',
  'droppedSessionPackets',
  'droppedFunctionBytes',
  'droppedFunctionPackets',
  'droppedShardBytes',
  'droppedShardPackets',
  'waitedSessionBytes',
  'waitedSessionPackets',
  'waitedFunctionBytes',
  'waitedFunctionPackets',
  'waitedShardBytes',
  'waitedShardPackets',
  'gateClamped',
  'functionErrors',
  'endpointErrors',
  'undelivered',
  'buffersMade',
  'bufferBytes',
  'ringDropped',
  'requestFloods',
  'cpuMicroseconds',
  'busyMicroseconds',
  'lagMs',
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

/** Those that tell how it is, in place of what came to pass. */
export const GAUGE_NAMES: readonly CounterName[] = [
  'sessions',
  'connections',
  'handshakes',
  'unreadBytes',
  'bufferBytes',
  'lagMs',
];

/** A shard's counters in memory that the main thread reads (each place is written by the shard alone). */
export class ShardCounters {
  readonly #values: Float64Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(COUNTER_NAMES.length * 8)) {
    this.#values = new Float64Array(memory);
  }

  get(name: CounterName): number {
    return this.#values[COUNTER_NAMES.indexOf(name)];
  }

  set(name: CounterName, value: number): void {
    this.#values[COUNTER_NAMES.indexOf(name)] = value;
  }

  /** The shard is gone, and holds nothing any more. */
  clearGauges(): void {
    for (const name of GAUGE_NAMES) this.set(name, 0);
  }

  snapshot(): Record<CounterName, number> {
    return Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, this.#values[i]])) as Record<CounterName, number>;
  }
}
