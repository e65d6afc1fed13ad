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

/** Configuration from `TIDEGATE_*` variables. Throws where one names no key. */
export function fromEnvironment(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const keys = new Map(Object.keys(hostConfigSchema.shape).map((key) => [variableName(key), key]));
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || OTHER.has(name) || value === undefined) continue;
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
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `can't use the config file ${path}: ${(cause as Error).message}`, {
      hint: 'give a JSON object with the keys of `tidegate serve`',
      cause,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `the config file ${path} holds no JSON object`);
  }
  return parsed as Record<string, unknown>;
}

/** Flags over variables over the file over defaults. */
export function mergeConfig(
  flags: Record<string, unknown>,
  environment: NodeJS.ProcessEnv,
  configFile: string | undefined,
): HostConfigInput {
  const file = configFile ?? environment.TIDEGATE_CONFIG;
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...(file === undefined ? {} : fromFile(file)), ...fromEnvironment(environment), ...given };
}
