import type { PressureStep } from '../scale/pressure/pressure-ladder.js';
import type { HostAnomaly } from './host-watch.js';
import type { PredictionState } from './prediction/prediction-service.js';
import type { FromShard } from './shard/messages.js';

/** A session came or went. */
export interface SessionEvent {
  state: 'opened' | 'closed';
  /** Its name, as in `sessions()`. */
  id: string;
  /** Pseudonym of its client. */
  client: string;
  functionId: string;
}

/** A session's settings are other ones. */
export interface SettingsEvent {
  id: string;
  client: string;
  /** bytes/s; bytes. */
  rateLimit: number;
  bufferSize: number;
  securityLevel: number;
}

/** A shard began to serve, or ended. */
export interface ShardEvent {
  shard: number;
  state: 'serving' | 'ended';
  /** Why it ended unasked; null where it was asked to, or serves. */
  reason: string | null;
}

/** What a host tells, by name of the event. */
export interface HostEvents {
  log: [level: 'info' | 'warn' | 'error', message: string, detail: Record<string, unknown>];
  session: [event: SessionEvent];
  settings: [event: SettingsEvent];
  /** A session's security level changed. */
  level: [change: Omit<Extract<FromShard, { type: 'level' }>, 'type'>];
  /** Another model predicts, or the average does in its place. */
  prediction: [state: PredictionState];
  /** A metric of the host is unusual. */
  anomaly: [anomaly: HostAnomaly];
  /** What is done about pressure changed. */
  pressure: [step: PressureStep, from: PressureStep];
  shard: [event: ShardEvent];
}
