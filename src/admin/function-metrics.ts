import { CALL_KINDS, CALL_SECONDS } from '../host/functions/call-stats.js';
import type { SocketHost } from '../host/socket-host.js';
import type { CollectedMetrics } from './collected.js';

/** What sessions of each function do, and how its endpoints answer. Functions that clients define are one. */
export function addFunctionMetrics(host: SocketHost, metrics: CollectedMetrics): void {
  const totals = () => [...host.functionTotals];
  metrics.gauge('function_sessions', 'Sessions open', ['function'], (set) => {
    for (const [name, sessions] of host.sessionsByFunction) set(sessions, { function: name });
  });
  metrics.counter('function_sessions_opened', 'Sessions that were opened', ['function'], () =>
    totals().map(([name, { opened }]) => [opened, { function: name }] as const),
  );
  metrics.counter('function_bytes', 'Payload bytes, by the gate', ['function', 'direction'], () =>
    totals().flatMap(([name, { bytesIn, bytesOut }]) => [
      [bytesIn, { function: name, direction: 'in' }] as const,
      [bytesOut, { function: name, direction: 'out' }] as const,
    ]),
  );
  metrics.counter('function_held_packets', 'Packets that limits of sessions held back', ['function'], () =>
    totals().map(([name, { held }]) => [held, { function: name }] as const),
  );
  metrics.counter('function_calls', 'Calls of endpoints, by how they ended', ['function', 'call', 'outcome'], () =>
    totals().flatMap(([name, { calls }]) =>
      CALL_KINDS.flatMap((call) => [
        [calls.done[call], { function: name, call, outcome: 'done' }] as const,
        [calls.failed[call], { function: name, call, outcome: 'failed' }] as const,
      ]),
    ),
  );
  metrics.histogram('function_call_seconds', 'Time of calls for data until they were done', CALL_SECONDS, () =>
    totals().map(([name, { calls }]) => ({ counts: calls.classes, sum: calls.seconds, labels: { function: name } })),
  );
}
