// The core of a shard: session table, gate, features. Times are milliseconds (f64, monotonic), sizes bytes, rates
// bytes/s. Bad arguments are clamped and counted, never trapped on.

export { extract } from './extract';
export { datagramIn, datagramOut, grant, packets, refresh, settle, sharedWaitFor, take, unsent, waitFor } from './gate';
export * from './layout';
export { close, note, open, reserve, setLimits, setObserve, setSharedLimits, setWireRatio } from './table';
