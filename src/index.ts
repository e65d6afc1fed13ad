export type { SettingsPolicy, SocketSettings } from './adapt/settings.js';
export { AdminServer } from './admin/admin-server.js';
export { type HostConfig, type HostConfigInput, parseConfig } from './host/config.js';
export { type OpenedSocket, type SessionDetail, SocketHost } from './host/socket-host.js';
export type { BehavioralProfile, HistoryEntry, RequestType } from './profile/behavioral-profile.js';
export { BehavioralProfiler, type Profiler, type ProfileUpdate } from './profile/behavioral-profiler.js';
export { TidegateError } from './quic/errors.js';
