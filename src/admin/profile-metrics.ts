import type { SocketHost } from '../host/socket-host.js';
import type { CollectedMetrics } from './collected.js';

/** How clients are known, what keeps their profiles, and what their sockets are set to. */
export function addProfileMetrics(host: SocketHost, metrics: CollectedMetrics): void {
  const gauge = (name: string, help: string, value: () => number): void =>
    metrics.gauge(name, help, [], (set) => set(value()));
  gauge('profile_store_up', '1 while the store of profiles can be used', () =>
    host.profiler.storeState.problem === null ? 1 : 0,
  );
  metrics.counter('profile_records_damaged', 'Records that were damaged and moved aside', [], () => [
    [host.profiler.storeState.damaged, {}],
  ]);
  metrics.counter('profiles_unwritten', 'Clients of whom something was lost, as the store failed for long', [], () => [
    [host.profiler.storeState.unwritten, {}],
  ]);
  metrics.counter('admissions', 'Sessions by how their client was known, or refused', ['by'], () =>
    Object.entries(host.admissionCounts).map(([by, count]) => [count, { by }] as const),
  );
  metrics.counter('hook_faults', 'Times that a part of the operator threw, hung or answered rubbish', ['hook'], () =>
    Object.entries(host.hookFaults.counts).map(([hook, count]) => [count, { hook }] as const),
  );
  metrics.counter('level_changes', 'Changes of the security level, by the level that came of them', ['to'], () =>
    host.levelChanges.map((count, level) => [count, { to: String(level) }] as const),
  );
  gauge('buffered_settings_bytes', 'Bytes that the buffers of all sessions may take', () => host.admissions.buffered);
  gauge('granted_bytes_per_second', 'Rate limits of all sessions together', () => host.admissions.granted);
  gauge('memory_budget_bytes', 'Bytes that they may take at most', () => host.admissions.memoryBudget);
  gauge('observe_mode', '1 while limits are reckoned and not applied', () => (host.config.mode === 'observe' ? 1 : 0));
  metrics.counter('decisions_lost', 'Lines of the record of decisions that could not be written', [], () => [
    [host.record.lost, {}],
  ]);
}
