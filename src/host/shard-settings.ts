import { DEFAULT_POSTURE } from '../adapt/security-posture.js';
import type { HostConfig } from './config.js';
import type { FunctionTable } from './functions/function-registry.js';
import type { HostKeys } from './keys.js';
import { memoryPlan } from './memory-plan.js';
import { mostTcpConnections } from './open-files.js';
import { shardCount } from './runtime-support.js';
import type { CertificatePair, ShardSecurity } from './shard/messages.js';
import type { ShardSettings } from './shard-pool.js';

/** What shards have to know of functions. */
export function functionTableOf(config: HostConfig, keys: HostKeys): FunctionTable {
  const { functions, builtIn, clientFunctions, endpoints, policy, tracing } = config;
  const { maxBufferSize } = policy;
  return { functions, builtIn, clientFunctions, endpoints, endpointKey: keys.endpoint, maxBufferSize, tracing };
}

function securityOf({ security }: HostConfig): ShardSecurity {
  const { challengeSeconds, workBits, quarantine, trickle, ...policy } = security;
  return { policy: { ...DEFAULT_POSTURE, ...policy }, challengeSeconds, workBits, quarantine, trickle };
}

/** What each shard of a host begins with. */
export function shardSettingsOf(config: HostConfig, keys: HostKeys, certificate: CertificatePair): ShardSettings {
  const { maxConnections } = memoryPlan(config);
  return {
    host: config.host,
    engine: config.engine,
    tcp: config.tcp,
    certificate,
    keys: keys.shard,
    hostId: config.hostId,
    maxConnections,
    maxTcpConnections: Math.min(maxConnections, mostTcpConnections(shardCount(config.shards).most)),
    streamWindow: config.streamWindow,
    handshakes: config.handshakes,
    allowMigration: config.migration,
    idleTimeoutMs: config.idleTimeout * 1000,
    drainTo: config.drainTo,
    allowedOrigins: config.allowedOrigins,
    mode: config.mode,
    capacity: config.capacity,
    functions: functionTableOf(config, keys),
    security: securityOf(config),
    pressure: { refuses: false, drops: false, retrySeconds: 0 },
    tickMs: config.tick * 1000,
    qlogDir: config.qlogDir,
    dataDir: config.dataDir,
    keyLogFile: process.env.SSLKEYLOGFILE ?? null,
  };
}
