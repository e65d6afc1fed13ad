import { z } from 'zod';
import { DEFAULT_POLICY } from '../adapt/settings.js';
import type { Limits } from '../core/limits.js';
import { TidegateError } from '../quic/errors.js';
import { builtInFunctions } from './functions/built-in.js';

const bytes = z.number().nonnegative().finite();

/** Bytes: a burst that lets the largest datagram through. */
const LEAST_BURST = 65536;

/** Token buckets of one direction; what is left out is no limit, a burst is what the rate brings in a second. */
const limits = z
  .strictObject({
    rate: bytes.optional().describe('bytes/s'),
    burst: bytes.optional().describe('bytes at once'),
    packetRate: bytes.optional().describe('packets/s'),
    packetBurst: bytes.optional().describe('packets at once'),
  })
  .transform(
    ({ rate = Number.POSITIVE_INFINITY, packetRate = Number.POSITIVE_INFINITY, burst, packetBurst }): Limits => ({
      rate,
      burst: burst ?? Math.max(rate, LEAST_BURST),
      packetRate,
      packetBurst: packetBurst ?? Math.max(packetRate, 1),
    }),
  );

const capacity = {
  in: limits.prefault({}).describe('what clients send'),
  out: limits.prefault({}).describe('what goes to them'),
};

/** The configuration of a host: of `tidegate serve`, its file, its `TIDEGATE_*` variables and `createHost`. */
export const hostConfigSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('address to bind; :: for all, IPv4 too'),
  port: z.int().min(0).max(65535).default(4433).describe('UDP and TCP port; 0 for a free one'),
  cert: z.string().optional().describe('certificate chain, PEM file'),
  key: z.string().optional().describe('private key, PEM file'),
  shards: z
    .union([z.literal('auto'), z.int().min(1).max(64)])
    .default('auto')
    .describe('threads that serve'),
  engine: z.enum(['quiche', 'fails-components']).default('quiche').describe('what speaks HTTP/3'),
  dataDir: z.string().default('data').describe('folder for keys and certificate'),
  keys: z.string().optional().describe('key file; one for all hosts of a fleet'),
  hostId: z.int().min(0).max(65535).default(0).describe('number of this host in its fleet'),
  adminHost: z.string().default('127.0.0.1').describe('address of the admin listener'),
  adminPort: z.int().min(0).max(65535).default(9433).describe('its TCP port; 0 for a free one'),
  drainTimeout: z.number().min(0).max(86400).default(10).describe('seconds that sessions get to end on SIGTERM'),
  tcp: z.boolean().default(true).describe('serve HTTP/2 and WebSocket on the same port too'),
  allowedOrigins: z.array(z.string()).nullable().default(null).describe('origins of pages that may connect; null: all'),
  mode: z.enum(['enforce', 'observe']).default('enforce').describe('observe: limits are reckoned and not applied'),
  tick: z.number().min(0.05).max(60).default(1).describe('seconds between updates of profiles and limits'),
  idleTimeout: z.number().min(1).max(600).default(30).describe('seconds after which a silent connection ends'),
  migration: z.boolean().default(false).describe('clients may change their address'),
  maxConnections: z.int().min(1).default(100_000).describe('connections of a shard'),
  handshakes: z
    .strictObject({
      retryAbove: z.int().min(0).default(64),
      max: z.int().min(1).default(1024),
      maxPerPrefix: z.int().min(1).default(512),
      evictAfterMs: z.int().min(0).default(1000),
    })
    .prefault({}),
  capacity: z.strictObject(capacity).prefault({}).describe('limits that all sessions of a shard share'),
  functions: z
    .record(
      z.string(),
      z.strictObject({
        weight: z.number().min(0.01).max(100).default(1).describe('share of its sessions in a shard over capacity'),
        ...capacity,
      }),
    )
    .default({})
    .describe('by function: limits that its sessions of a shard share, and their weight'),
  prediction: z
    .strictObject({
      enabled: z.boolean().default(true).describe('false: the average of the past predicts'),
      model: z.string().optional().describe('model file (.onnx); without it the one in the data folder, or the base'),
    })
    .prefault({})
    .describe('what clients are about to do'),
  training: z
    .strictObject({
      enabled: z.boolean().default(true).describe('false: nothing is recorded and the model stays'),
      every: z.number().min(1).default(3600).describe('seconds between two runs of the trainer'),
      minSequences: z.int().min(40).default(200).describe('recorded sequences that there have to be'),
      maxSequences: z.int().min(40).max(100_000).default(2000).describe('and that are kept at most'),
      iterations: z.int().min(1).default(200).describe('steps of the optimiser for each network'),
      cpuShare: z.number().min(0.01).max(1).default(0.25).describe('of one processor'),
      shadowTicks: z.int().min(0).default(60).describe('ticks of a new model beside the one that serves'),
      watchTicks: z.int().min(0).default(600).describe('ticks after which it stays for good'),
    })
    .prefault({})
    .describe('learning on from what clients do'),
  qlogDir: z.string().nullable().default(null).describe('folder for a qlog file a connection'),
  shardHangMs: z.int().min(200).default(700).describe('silence after which a shard counts as hung'),
  policy: z
    .strictObject({
      bufferScalingFactor: z.number().positive().default(DEFAULT_POLICY.bufferScalingFactor),
      rateLimitFactor: z
        .union([z.literal('auto'), z.number().positive()])
        .default(DEFAULT_POLICY.rateLimitFactor)
        .describe('times the predicted rate; auto: the limit that the model gives'),
      minBufferSize: bytes.default(DEFAULT_POLICY.minBufferSize),
      maxBufferSize: bytes.default(DEFAULT_POLICY.maxBufferSize),
      minRateLimit: bytes.default(DEFAULT_POLICY.minRateLimit),
      maxRateLimit: bytes.default(DEFAULT_POLICY.maxRateLimit),
      burstSeconds: z.number().positive().default(DEFAULT_POLICY.burstSeconds),
      minBurst: bytes.default(DEFAULT_POLICY.minBurst),
      packetBytes: z.number().positive().default(DEFAULT_POLICY.packetBytes),
      minPacketRate: bytes.default(DEFAULT_POLICY.minPacketRate),
      limitOut: z.boolean().default(DEFAULT_POLICY.limitOut).describe('hold what goes to clients to limits too'),
    })
    .prefault({}),
});

export type HostConfig = z.infer<typeof hostConfigSchema>;
export type HostConfigInput = z.input<typeof hostConfigSchema>;

/** Checks a configuration. Throws TIDEGATE_E_CONFIG, whose message names key, value and what is wrong. */
export function parseConfig(input: unknown): HostConfig {
  const result = hostConfigSchema.safeParse(input);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      if (issue.code === 'unrecognized_keys') {
        const names = [...issue.path, issue.keys.join(', ')].join('.');
        return `unknown key ${names}; known are ${Object.keys(hostConfigSchema.shape).join(', ')}`;
      }
      const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], input);
      return `${issue.path.join('.')} is ${JSON.stringify(value)}: ${issue.message}`;
    });
    throw new TidegateError('TIDEGATE_E_CONFIG', problems.join('; '));
  }
  const config = result.data;
  for (const id of Object.keys(config.functions)) {
    if (builtInFunctions.has(id)) continue;
    throw new TidegateError('TIDEGATE_E_CONFIG', `functions.${id}: there is no such function`, {
      hint: `there are ${[...builtInFunctions.keys()].join(', ')}`,
    });
  }
  if ((config.cert === undefined) !== (config.key === undefined)) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `${config.cert === undefined ? 'key' : 'cert'} is set alone`, {
      hint: 'give certificate and key together, or neither for a self-signed one',
    });
  }
  return config;
}
