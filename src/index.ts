export type { SecurityLevel, SettingsPolicy, SocketSettings } from './adapt/settings.js';
export { AdminServer } from './admin/admin-server.js';
export type { AdmissionCounts, OpenedSocket, SettingsChooser } from './host/admissions.js';
export { type HostConfig, type HostConfigInput, parseConfig } from './host/config.js';
export { type CreateHostOptions, createHost } from './host/create-host.js';
export type { EndpointChooser, EndpointQuestion } from './host/endpoint-choice.js';
export {
  type CloseReason,
  type Delivery,
  defineFunction,
  type FunctionSession,
  type HandlerResult,
  type Handlers,
  type OutgoingStream,
  type Reply,
} from './host/functions/handler.js';
export type { Criterion } from './host/functions/receive/criteria.js';
export type { HostEvents, SessionEvent, SettingsEvent, ShardEvent } from './host/host-events.js';
export type { HostAnomaly } from './host/host-watch.js';
export type { TokenProblem } from './host/identity/anonymous-token.js';
export type { Credentials, Identity, IdentityHook, IdentityProblem } from './host/identity/identifier.js';
export type { JwtProblem } from './host/identity/jwt-verifier.js';
export type { PredictionState } from './host/prediction/prediction-service.js';
export type { BriefSession, SessionDetail } from './host/session-details.js';
export { type HostParts, SocketHost } from './host/socket-host.js';
export type { SessionScores } from './predict/feedback/live-scores.js';
export type { Forecast } from './predict/serving/forecast.js';
export type { Source as PredictionSource } from './predict/serving/source.js';
export {
  type BehavioralProfile,
  ERROR_SCENARIOS,
  type ErrorScenario,
  type HistoryEntry,
  type PredictionMemory,
  type RequestType,
} from './profile/behavioral-profile.js';
export {
  BehavioralProfiler,
  type Profiler,
  type ProfilerOptions,
  type ProfileUpdate,
} from './profile/behavioral-profiler.js';
export type { CohortView } from './profile/cohorts/cohorts.js';
export type { SessionHints } from './profile/crowd.js';
export type { ProfileStore, StoredProfile, StoreState } from './profile/store/profile-store.js';
export { TidegateError } from './quic/errors.js';
