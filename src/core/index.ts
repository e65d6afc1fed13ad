export { type SessionCounts, SessionTable } from './session-table.js';
export type { CoreExports } from './wasm-exports.js';
