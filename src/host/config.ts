import { isIP } from 'node:net';
import { z } from 'zod';
import { DEFAULT_POSTURE } from '../adapt/security-posture.js';
import { DEFAULT_POLICY } from '../adapt/settings.js';
import type { Limits } from '../core/limits.js';
import { isValkeyUrl, VALKEY_FORM } from '../profile/store/valkey-url.js';
import { TidegateError } from '../quic/errors.js';
import { DEFAULT_TRANSPORT } from '../quic/options.js';
import { problemsOf } from '../validation/problems.js';
import { AddressGuard } from './functions/endpoints/address-guard.js';
import {
  absolute,
  BUILT_IN,
  clientFunctionsSchema,
  endpointsSchema,
  isRemote,
  mappingShape,
} from './functions/function-config.js';
import { looksAtContent, objectionTo } from './functions/receive/criteria.js';
import { identitySchema } from './identity/identity-config.js';

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

const LIMITS = new Set(['rate', 'burst', 'packetRate', 'packetBurst']);

/** Leaves out limits that are none: what was checked can be given again, to `reload`. */
function withoutInfinite(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([key, of]) => of !== Number.POSITIVE_INFINITY || !LIMITS.has(key));
  return Object.fromEntries(entries.map(([key, of]) => [key, withoutInfinite(of)]));
}

const capacity = {
  in: limits.prefault({}).describe('what clients send'),
  out: limits.prefault({}).describe('what goes to them'),
};

/** An origin as browsers send it: what is written otherwise would let nobody in. */
const origin = z
  .string()
  .refine(
    (text) =>
      text === 'null' ||
      (/^https?:/.test(text) ? isOriginOfWeb(text) : /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s@*]+$/.test(text)),
    'it has to be an origin as browsers send it: https://host, with :port where it is not the usual one',
  );

function isOriginOfWeb(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && !text.includes('*');
}

/** The configuration of a host: of `tidegate serve`, its file, its `TIDEGATE_*` variables and `createHost`. */
export const hostConfigSchema = z.strictObject({
  host: z
    .string()
    .refine((text) => isIP(text) !== 0, 'it has to be an IP address: 127.0.0.1 for this machine alone, :: for all')
    .default('127.0.0.1')
    .describe('address to bind; :: for all, IPv4 too'),
  port: z.int().min(0).max(65535).default(4433).describe('UDP and TCP port; 0 for a free one'),
  cert: z.string().optional().describe('certificate chain, PEM file'),
  key: z.string().optional().describe('private key, PEM file'),
  shards: z
    .union([
      z.literal('auto'),
      z.int().min(1).max(64),
      z
        .strictObject({ min: z.int().min(1).max(64).default(1), max: z.int().min(1).max(64) })
        .refine(({ min, max }) => min <= max, 'min is above max'),
    ])
    .default('auto')
    .describe('threads that serve: so many, one a core (auto), or as many of a range as the load asks for'),
  engine: z.enum(['quiche', 'fails-components']).default('quiche').describe('what speaks HTTP/3'),
  dataDir: z.string().default('data').describe('folder for keys and certificate'),
  keys: z.string().optional().describe('key file; one for all hosts of a fleet'),
  hostId: z.int().min(0).max(65535).default(0).describe('number of this host in its fleet; 0: none'),
  adminHost: z.string().default('127.0.0.1').describe('address of the admin listener'),
  adminPort: z.int().min(0).max(65535).default(9433).describe('its TCP port; 0 for a free one'),
  drainTimeout: z.number().min(0).max(86400).default(10).describe('seconds that sessions get to end on SIGTERM'),
  drainTo: z
    .url({ protocol: /^https$/, error: 'it has to be an https URL' })
    .nullable()
    .default(null)
    .describe('origin that clients are told to move to on SIGTERM; null: the one that they have'),
  tcp: z.boolean().default(true).describe('serve HTTP/2 and WebSocket on the same port too'),
  allowedOrigins: z.array(origin).nullable().default(null).describe('origins of pages that may connect; null: all'),
  tracing: z.boolean().default(false).describe('calls of function endpoints are OpenTelemetry spans'),
  mode: z.enum(['enforce', 'observe']).default('enforce').describe('observe: limits are reckoned and not applied'),
  tick: z.number().min(0.05).max(60).default(1).describe('seconds between updates of profiles and limits'),
  idleTimeout: z.number().min(1).max(600).default(30).describe('seconds after which a silent connection ends'),
  migration: z.boolean().default(false).describe('clients may change their address'),
  streamWindow: z
    .int()
    .min(32 * 1024)
    .max(256 * 1024 ** 2)
    .default(DEFAULT_TRANSPORT.maxStreamWindow)
    .describe(
      'bytes that a stream may be ahead of what is read, at most: it gets half of them through in a round trip',
    ),
  maxConnections: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('connections of a shard. null: what half of the memory holds, 100,000 at most'),
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
        ...mappingShape,
      }),
    )
    .default({})
    .describe('functions: what they receive and invoke, limits that their sessions of a shard share, their weight'),
  builtIn: z
    .array(z.enum(BUILT_IN))
    .default([...BUILT_IN])
    .describe('functions of the package that anybody may open; []: none'),
  clientFunctions: clientFunctionsSchema.describe('functions that clients define'),
  endpoints: endpointsSchema.describe('where remote endpoints may be'),
  identity: identitySchema.describe('how clients are known'),
  tenants: z
    .record(z.string(), z.strictObject({ weight: z.number().min(0.01).max(100).default(1) }))
    .default({})
    .describe("by the JWT's claim `tenant`: share of its sessions in a shard over capacity"),
  store: z
    .string()
    .refine(
      (text) => text === 'lmdb' || text === 'memory' || isValkeyUrl(text),
      `it has to be lmdb, memory, or ${VALKEY_FORM}`,
    )
    .default('lmdb')
    .describe('where profiles are kept: the data folder, nowhere, or a server that hosts share'),
  retention: z
    .number()
    .min(1)
    .max(3650)
    .default(180)
    .describe('days after which a client that is not seen is forgotten'),
  maxProfiles: z.int().min(100).default(10_000).describe('profiles in memory'),
  memoryBudget: bytes
    .nullable()
    .default(null)
    .describe('bytes that the buffers of all sessions may take. null: a quarter of the memory, 1 GiB at most'),
  unreadBudget: bytes
    .nullable()
    .default(null)
    .describe(
      'bytes that may wait in front of all sessions; over it who holds most goes. null: a quarter of the memory, 1 GiB at most',
    ),
  security: z
    .strictObject({
      caution: z.number().min(0).max(1).default(DEFAULT_POSTURE.caution).describe('risk of level 1'),
      stepUp: z.number().min(0).max(1).default(DEFAULT_POSTURE.stepUp).describe('risk of level 2'),
      points: z
        .tuple([z.number().positive(), z.number().positive(), z.number().positive()])
        .default([...DEFAULT_POSTURE.points])
        .refine(([one, two, three]) => one <= two && two <= three, 'they have to rise')
        .describe('of counted evidence that lead to level 1, 2 and 3'),
      halfLife: z.number().positive().default(DEFAULT_POSTURE.halfLife).describe('of evidence, s'),
      hold: z.number().min(0).default(DEFAULT_POSTURE.hold).describe('s that a level stays at least'),
      trust: z.number().min(0).default(DEFAULT_POSTURE.trust).describe('s for which a passed challenge counts'),
      challengeSeconds: z.number().min(0.1).max(3600).default(15).describe('to answer in'),
      workBits: z.int().min(1).max(30).default(16).describe('of a proof of work'),
      quarantine: z.enum(['trickle', 'close']).default('trickle').describe('what level 3 does'),
      trickle: bytes.default(1024).describe('bytes/s of level 3'),
    })
    .prefault({})
    .describe('what leads to which security level, and what it does'),
  prediction: z
    .strictObject({
      enabled: z.boolean().default(true).describe('false: the average of the past predicts'),
      openings: z
        .enum(['learned', 'average'])
        .default('learned')
        .describe('what is told of a session that opens: learned from all clients, or the average of its own past'),
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
  alerts: z
    .strictObject({
      webhook: z
        .url({ protocol: /^https?$/, error: 'it has to be a URL' })
        .nullable()
        .default(null)
        .describe('address that alerts are posted to'),
      perMinute: z.int().min(1).default(10).describe('alerts in all'),
      quiet: z.number().min(0).default(300).describe('seconds between two about the same client or metric'),
    })
    .prefault({})
    .describe('who is told of clients that are stepped up and of what is unusual'),
  scaling: z
    .strictObject({
      metric: z.enum(['sessions', 'bytes']).default('sessions').describe('load that hosts are counted by'),
      capacity: z
        .union([z.literal('auto'), z.number().positive()])
        .default('auto')
        .describe('sessions, or bytes/s, that one host carries; auto: learned from its use of processors'),
      startSeconds: z.number().min(0).max(3600).default(120).describe('until a host that is asked for serves'),
      margin: z
        .number()
        .min(-1)
        .max(10)
        .default(2)
        .describe('room above the forecast, in spreads of it that are as wide as what a host carries'),
      min: z.int().min(0).default(1).describe('hosts at least'),
      max: z.int().min(1).default(100).describe('hosts at most'),
      keda: z
        .strictObject({
          port: z.int().min(0).max(65535).describe('TCP port; 0 for a free one'),
          host: z.string().default('127.0.0.1').describe('address; :: for all'),
          cert: z.string().optional().describe('certificate chain, PEM file; without one there is no TLS'),
          key: z.string().optional().describe('its private key'),
        })
        .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'cert and key go together')
        .nullable()
        .default(null)
        .describe("where KEDA's external scaler listens; null: nowhere"),
    })
    .prefault({})
    .refine(({ min, max }) => min <= max, 'min is above max')
    .describe('forecasts of the load, and how many hosts there should be'),
  pressure: z
    .strictObject({
      shrinkAt: z
        .number()
        .positive()
        .nullable()
        .default(1)
        .describe('limits and buffers are halved where prediction allows'),
      refuseAt: z.number().positive().nullable().default(1.2).describe('new sessions are to come again later'),
      dropAt: z.number().positive().nullable().default(1.5).describe('the least important sessions are dropped'),
    })
    .prefault({})
    .describe('fullness (1: all that scaling.capacity says) from which the host does something about it; null: never'),
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
    .prefault({})
    .refine(({ minRateLimit, maxRateLimit }) => minRateLimit <= maxRateLimit, 'minRateLimit is above maxRateLimit')
    .refine(
      ({ minBufferSize, maxBufferSize }) => minBufferSize <= maxBufferSize,
      'minBufferSize is above maxBufferSize',
    )
    .describe('what settings are made of a prediction'),
});

export type HostConfig = z.infer<typeof hostConfigSchema>;
export type HostConfigInput = z.input<typeof hostConfigSchema>;

/** Checks a configuration. Throws TIDEGATE_E_CONFIG, whose message names key, value and what is wrong. */
export function parseConfig(input: unknown): HostConfig {
  const result = hostConfigSchema.safeParse(withoutInfinite(input));
  if (!result.success) {
    const problems = problemsOf(hostConfigSchema, result.error, input, 'the configuration');
    throw new TidegateError('TIDEGATE_E_CONFIG', problems.join('; '));
  }
  const config = result.data;
  checkFunctions(config);
  if ((config.cert === undefined) !== (config.key === undefined)) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `${config.cert === undefined ? 'key' : 'cert'} is set alone`, {
      hint: 'give certificate and key together, or neither for a self-signed one',
    });
  }
  return config;
}

const FUNCTION_ID = /^[\w.~-]{1,64}$/;

/** What only functions with an endpoint that is invoked have. */
const OF_MAPPED = ['seal', 'quarantine', 'variants', 'parameters'] as const;

/** What of functions can only be told with the rest of the configuration. */
function checkFunctions(config: HostConfig): void {
  const refuse = (what: string, hint: string): never => {
    throw new TidegateError('TIDEGATE_E_CONFIG', what, { hint });
  };
  const guard = new AddressGuard(config.endpoints);
  for (const [id, entry] of Object.entries(config.functions)) {
    if (!FUNCTION_ID.test(id))
      refuse(`functions.${id}: an id is 1 to 64 letters, digits, or any of . _ ~ -`, 'rename it');
    const isBuiltIn = (config.builtIn as readonly string[]).includes(id);
    if (entry.endpoint === undefined && !isBuiltIn) {
      refuse(
        `functions.${id} has no endpoint`,
        `give it a module or an address; built in are ${config.builtIn.join(', ') || 'none'}`,
      );
    }
    const objection = objectionTo(entry.receive, config.policy.maxBufferSize);
    if (objection !== null)
      refuse(`functions.${id}.receive can't be met: ${objection}`, 'change it, or policy.maxBufferSize');
    const isMapped = entry.endpoint !== undefined && entry.endpoint !== 'peer';
    const unused = isMapped ? undefined : OF_MAPPED.find((key) => Object.keys(entry[key] ?? {}).length > 0);
    if (unused !== undefined) {
      refuse(
        `functions.${id}.${unused} has no effect: ${entry.endpoint ?? id} takes what comes as it is`,
        `leave it out, or give functions.${id}.endpoint a module or an address`,
      );
    }
    if (entry.seal !== undefined && looksAtContent(entry.receive.when)) {
      refuse(
        `functions.${id}.receive can't be met: its messages are sealed, and nobody sees what is in them`,
        'leave out prefix, pattern and json, or seal',
      );
    }
    for (const text of [entry.endpoint, entry.quarantine, ...Object.values(entry.variants)]) {
      if (text === undefined || !isRemote(text)) continue;
      const why = URL.canParse(text) ? guard.objectionTo(new URL(text)) : 'it is no address';
      if (why !== null)
        refuse(`functions.${id}: endpoint ${text}: ${why}`, 'list it under endpoints.allow and allowRanges');
    }
    entry.endpoint = entry.endpoint === undefined ? undefined : absolute(entry.endpoint);
    entry.quarantine = entry.quarantine === undefined ? undefined : absolute(entry.quarantine);
    for (const [name, text] of Object.entries(entry.variants)) entry.variants[name] = absolute(text);
  }
  for (const id of config.clientFunctions.functions) {
    if (config.functions[id] === undefined && !(config.builtIn as readonly string[]).includes(id)) {
      refuse(`clientFunctions.functions names ${id}, which is none`, 'define it under functions');
    }
  }
}
