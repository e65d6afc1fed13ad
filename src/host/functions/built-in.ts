import { echo } from './echo.js';
import type { HostFunction } from './host-function.js';
import { sink } from './sink.js';
import { source } from './source.js';

/** The functions that every host has, by identifier. */
export const builtInFunctions: ReadonlyMap<string, HostFunction> = new Map(
  [echo, sink, source].map((entry) => [entry.id, entry]),
);
