import { CallStats } from '../../src/host/functions/call-stats.js';
import type { Endpoint } from '../../src/host/functions/endpoints/endpoint.js';
import { type Will, Wills } from '../../src/host/functions/endpoints/will.js';
import { CallsUnderWay } from '../../src/host/functions/invocation.js';
import { MappedSession, type Mapping } from '../../src/host/functions/mapped-function.js';
import { BufferPool } from '../../src/host/functions/receive/buffer-pool.js';
import { CompiledCriteria } from '../../src/host/functions/receive/compiled-criteria.js';
import { type Receive, receiveSchema } from '../../src/host/functions/receive/criteria.js';
import type { HostSession, Waiting } from '../../src/host/shard/host-session.js';

/** A session's use of a function, without a shard or a transport. */
export function mappedSession(endpoint: Endpoint, receive: Partial<Receive> = {}, deadlineMs = 1000) {
  const calls = new CallsUnderWay();
  const failures: string[] = [];
  const kept = new Map<number, Will>();
  const wills = new Wills(
    (key, will) => kept.set(key, will),
    (key) => kept.delete(key),
  );
  const settings = { bufferSize: 65_536, securityLevel: 0 };
  const session = {
    shard: { calls, wills, endpointFailed: (...[, , code]: string[]) => failures.push(code) },
    ...{ id: '0-1-f', identity: { client: 'someone' } },
    ...{ settings, isEnforced: true, variant: null, seal: null, close: () => {} },
    waiting: new Set<Waiting>(),
  } as unknown as HostSession;
  const mapping: Mapping = {
    id: 'f',
    criteria: new CompiledCriteria(receiveSchema.parse(receive)),
    endpoints: { base: endpoint, variants: new Map(), quarantine: null },
    stats: new CallStats(),
    ...{ parameters: {}, deadlineMs, onError: 'message', seal: null },
  };
  const mapped = new MappedSession(mapping, session, new BufferPool());
  return { mapped, mapping, session, settings, calls, failures, kept };
}
