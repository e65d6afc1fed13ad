import { z } from 'zod';
import { type HostConfigInput, hostConfigSchema, parseConfig } from '../host/config.js';

/** Runs `tidegate config print`: the whole configuration as it would be used, defaults and all. */
export function printConfig(input: HostConfigInput): void {
  // Limits that are none are infinite, which JSON has no word for.
  const plain = JSON.stringify(
    parseConfig(input),
    (_key, value) => (value === Number.POSITIVE_INFINITY ? null : value),
    2,
  );
  console.log(plain);
}

/** Runs `tidegate config check`. Throws TIDEGATE_E_CONFIG, which names key, value and what is wrong. */
export function checkConfig(input: HostConfigInput): void {
  parseConfig(input);
  console.log('good');
}

/** Runs `tidegate config schema`: JSON Schema of a configuration file, for editors. */
export function printSchema(): void {
  const ofFile = hostConfigSchema.extend({ $schema: z.string().optional() });
  console.log(JSON.stringify(z.toJSONSchema(ofFile, { io: 'input', unrepresentable: 'any' }), null, 2));
}
