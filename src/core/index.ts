export { FeatureMatrixReader, FeatureMatrixWriter, type FeatureTick } from './feature-matrix.js';
export { type CoreLayout, type CoreShare, type LayoutName, type LayoutNumbers, VERDICTS } from './layout.js';
export { type Limits, NO_LIMITS } from './limits.js';
export { LimitsMailbox, type PublishedLimits } from './limits-mailbox.js';
export {
  type Direction,
  type GateCounts,
  type OpenOptions,
  type SessionCounts,
  type SessionEvent,
  SessionTable,
} from './session-table.js';
export type { CoreExports, Flag } from './wasm-exports.js';
