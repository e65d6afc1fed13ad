export type { SettingsPolicy, SocketSettings } from './adapt/settings.js';
export { AdminServer } from './admin/admin-server.js';
export type { OpenedSocket, SettingsChooser } from './host/admissions.js';
export { type HostConfig, type HostConfigInput, parseConfig } from './host/config.js';
export { type CreateHostOptions, createHost } from './host/create-host.js';
export {
  type CloseReason,
  type Delivery,
  defineFunction,
  type FunctionSession,
  type Handlers,
  type OutgoingStream,
} from './host/functions/handler.js';
export type { HostEvents, SessionEvent, SettingsEvent, ShardEvent } from './host/host-events.js';
export type { Credentials, IdentityHook } from './host/identity/identifier.js';
export type { PredictionState } from './host/prediction/prediction-service.js';
export type { SessionDetail } from './host/session-details.js';
export { type HostParts, SocketHost } from './host/socket-host.js';
export type { SessionScores } from './predict/feedback/live-scores.js';
export type { Forecast } from './predict/serving/forecast.js';
export type {
  BehavioralProfile,
  ErrorScenario,
  HistoryEntry,
  PredictionMemory,
  RequestType,
} from './profile/behavioral-profile.js';
export { BehavioralProfiler, type Profiler, type ProfileUpdate } from './profile/behavioral-profiler.js';
export type { SessionHints } from './profile/crowd.js';
export { TidegateError } from './quic/errors.js';
