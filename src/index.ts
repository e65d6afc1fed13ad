export type { SettingsPolicy, SocketSettings } from './adapt/settings.js';
export { AdminServer } from './admin/admin-server.js';
export { type HostConfig, type HostConfigInput, parseConfig } from './host/config.js';
export type { PredictionState } from './host/prediction/prediction-service.js';
export { type OpenedSocket, type SessionDetail, SocketHost } from './host/socket-host.js';
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
export { TidegateError } from './quic/errors.js';
