import { Counter, Gauge, type Registry } from 'prom-client';
import type { SocketHost } from '../host/socket-host.js';

/** How clients are known, what keeps their profiles, and what their sockets are set to. */
export function addProfileMetrics(host: SocketHost, registry: Registry): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `tidegate_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (
    name: string,
    help: string,
    label: string | null,
    counts: () => readonly (readonly [string, number])[],
  ): void => {
    new Counter({
      name: `tidegate_${name}_total`,
      help,
      labelNames: label === null ? [] : [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of counts()) this.inc(label === null ? {} : { [label]: value }, count);
      },
    });
  };
  gauge('profile_store_up', '1 while the store of profiles can be used', () =>
    host.profiler.storeState.problem === null ? 1 : 0,
  );
  counter('profile_records_damaged', 'Records that were damaged and moved aside', null, () => [
    ['', host.profiler.storeState.damaged],
  ]);
  counter('admissions', 'Sessions by how their client was known, or refused', 'by', () =>
    Object.entries(host.admissionCounts),
  );
  counter('level_changes', 'Changes of the security level, by the level that came of them', 'to', () =>
    host.levelChanges.map((count, level) => [String(level), count] as const),
  );
  gauge('buffered_settings_bytes', 'Bytes that the buffers of all sessions may take', () => host.admissions.buffered);
  gauge('granted_bytes_per_second', 'Rate limits of all sessions together', () => host.admissions.granted);
  gauge('memory_budget_bytes', 'Bytes that they may take at most', () => host.config.memoryBudget);
  gauge('observe_mode', '1 while limits are reckoned and not applied', () => (host.config.mode === 'observe' ? 1 : 0));
  counter('decisions_lost', 'Lines of the record of decisions that could not be written', null, () => [
    ['', host.record.lost],
  ]);
}
