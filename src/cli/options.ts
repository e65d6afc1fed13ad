import { readFileSync } from 'node:fs';
import { type HostConfigInput, hostConfigSchema } from '../host/config.js';
import { TidegateError } from '../quic/errors.js';

const PREFIX = 'TIDEGATE_';
/** Variables of that prefix that are not configuration. */
const OTHER = new Set(['TIDEGATE_CONFIG', 'TIDEGATE_LOG']);

/** `dataDir` as `TIDEGATE_DATA_DIR`. */
function variableName(key: string): string {
  return PREFIX + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** Numbers, booleans, null and JSON as such, all else as text. */
function parseValue(text: string): unknown {
  if (/^(-?\d+(\.\d+)?|true|false|null|[[{].*)$/s.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

/**
 * What Kubernetes tells the pods of a namespace of each of its Services, in the form of Docker's links: of one that is called
 * `tidegate` that is TIDEGATE_SERVICE_HOST and TIDEGATE_PORT=tcp://10.0.0.1:443, among others.
 */
function isOfService(name: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (/_PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value))
  );
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The least that is logged, of `TIDEGATE_LOG`. Throws TIDEGATE_E_CONFIG where that is no level. */
export function logLevel({ TIDEGATE_LOG: given = '' }: NodeJS.ProcessEnv): string {
  const level = given.toLowerCase();
  if (level === '') return 'info';
  if ((LEVELS as readonly string[]).includes(level)) return level;
  throw new TidegateError('TIDEGATE_E_CONFIG', `TIDEGATE_LOG is ${given}: it has to be one of ${LEVELS.join(', ')}`);
}

/** Configuration from `TIDEGATE_*` variables; empty ones are none. Throws where one names no key. */
export function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const keys = new Map(Object.keys(hostConfigSchema.shape).map((key) => [variableName(key), key]));
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || OTHER.has(name) || value === undefined || value === '') continue;
    if (isOfService(name, value)) continue;
    const key = keys.get(name);
    if (key === undefined) {
      throw new TidegateError('TIDEGATE_E_CONFIG', `unknown variable ${name}`, {
        hint: `known are ${[...keys.keys()].join(', ')}`,
      });
    }
    found[key] = parseValue(value);
  }
  return found;
}

/** Configuration from a JSON file. Throws TIDEGATE_E_CONFIG. */
export function fromFile(path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    // Editors on Windows put a mark of their own in front.
    parsed = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `can't use the config file ${path}: ${(cause as Error).message}`, {
      hint: 'give a JSON object with the keys of `tidegate serve`',
      cause,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `the config file ${path} holds no JSON object`);
  }
  // Names the schema, for editors.
  const { $schema: _, ...config } = parsed as Record<string, unknown>;
  return config;
}

/** Flags over variables over the file over defaults. */
export function mergeConfig(
  flags: Record<string, unknown>,
  environment: NodeJS.ProcessEnv,
  configFile: string | undefined,
): HostConfigInput {
  const file = configFile ?? (environment.TIDEGATE_CONFIG || undefined);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...(file === undefined ? {} : fromFile(file)), ...fromEnvironment(environment), ...given };
}
