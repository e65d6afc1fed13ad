import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { receiveSchema } from './receive/criteria.js';

const MODULE = /\.(m?js|mts|ts)$/;
export const BUILT_IN = ['echo', 'sink', 'source'] as const;

/** What a function invokes: a built-in, `peer`, a remote address, or a module by its path. */
const endpoint = z
  .string()
  .min(1)
  .refine(
    (text) =>
      (BUILT_IN as readonly string[]).includes(text) ||
      text === 'peer' ||
      /^https?:\/\//.test(text) ||
      MODULE.test(text),
    "give a module (a path that ends in .js), an address (https://…), 'peer', or one of echo, sink, source",
  );

/** Of a remote endpoint. */
const remote = z
  .strictObject({
    timeoutMs: z.int().min(10).max(120_000).default(5000),
    retries: z.int().min(0).max(10).default(2).describe('tries beside the first'),
    inFlight: z.int().min(1).max(10_000).default(64).describe('calls at once, a shard'),
    queue: z.int().min(0).max(100_000).default(4096).describe('calls that wait for their turn, a shard'),
    breakAfter: z
      .int()
      .min(1)
      .max(10_000)
      .default(5)
      .describe('failures in a row, one a client, after which it is left alone'),
    breakMs: z.int().min(100).default(5000).describe('for so long'),
    maxReply: z.int().min(1).default(1_048_576).describe('bytes'),
  })
  .prefault({});

/** The part of a function's configuration beside its limits. */
export const mappingShape = {
  endpoint: endpoint.optional().describe('what it invokes; left out for the built-in ones'),
  variants: z
    .record(z.string().min(1), endpoint)
    .default({})
    .describe('other endpoints: streaming, transactional or control by what the client is predicted to ask for'),
  quarantine: endpoint.optional().describe('what clients at level 3 reach instead'),
  receive: receiveSchema.describe('when what came is handed on'),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  remote,
  deadlineMs: z.int().min(1).max(600_000).default(10_000).describe('what a call may take'),
  onError: z.enum(['message', 'session']).default('message').describe('what a call that fails ends'),
  mode: z.enum(['enforce', 'observe']).optional().describe("instead of the host's"),
  seal: z
    .strictObject({
      from: z
        .union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)])
        .default(2)
        .describe('the security level from which on clients are asked to; 0: all have to'),
      key: z
        .base64url()
        .length(43)
        .optional()
        .describe('public key (X25519) of the endpoint that reads; without one the host does'),
    })
    .optional()
    .describe('messages sealed end to end'),
  promise: z
    .strictObject({ rateLimit: z.number().min(0).default(0), bufferSize: z.number().min(0).default(0) })
    .prefault({})
    .describe('bytes/s and bytes that no prediction takes away'),
} as const;

/** What clients may define. */
export const clientFunctionsSchema = z
  .strictObject({
    most: z.int().min(0).max(64).default(0).describe('functions that a session may define; 0: none'),
    functions: z.array(z.string()).default([]).describe("the host's functions whose endpoints they may name"),
    endpoints: z
      .boolean()
      .default(false)
      .describe('whether they may name remote ones, on the hosts of endpoints.allow'),
    criteria: z
      .array(z.enum(['any', 'end', 'bytes', 'messages', 'elapsed', 'prefix', 'pattern', 'json']))
      .default(['any', 'end', 'bytes', 'messages', 'elapsed', 'prefix', 'pattern', 'json']),
  })
  .prefault({});

const range = z.string().refine(isRange, 'it has to be an address, or a range as 10.0.0.0/8');

function isRange(text: string): boolean {
  const [, net, prefix = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = net === undefined ? 0 : isIP(net);
  return family !== 0 && Number(prefix) <= (family === 6 ? 128 : 32);
}

const NAME = String.raw`[\w-]+(\.[\w-]+)*`;
/** `AddressRules.allow`: what is written otherwise would be met by no address. */
const PLACE = new RegExp(String.raw`^(\*\.${NAME}|(http://)?(${NAME}|\[[0-9a-f:.]+\])(:\d+)?)$`, 'i');

export const endpointsSchema = z
  .strictObject({
    allow: z
      .array(z.string().regex(PLACE, 'it has to be host, host:port or *.domain, or http://host:port for plain HTTP'))
      .default([])
      .describe('host, host:port, *.domain; http://host:port for plain HTTP'),
    allowRanges: z
      .array(range)
      .default([])
      .describe('private, loopback and link-local ranges that are open all the same'),
    secret: z
      .string()
      .min(16)
      .optional()
      .describe('signs calls; without it one of the key file does')
      .meta({ writeOnly: true }),
  })
  .prefault({});

/** Paths of modules as seen from the folder that the host was started in. */
export function absolute(endpointText: string): string {
  return MODULE.test(endpointText) && !/^https?:\/\//.test(endpointText) ? resolve(endpointText) : endpointText;
}

export function isRemote(endpointText: string): boolean {
  return /^https?:\/\//.test(endpointText);
}
