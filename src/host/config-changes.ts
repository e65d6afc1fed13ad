import type { HostConfig } from './config.js';

type Reloadable = Pick<HostConfig, 'functions' | 'builtIn' | 'clientFunctions' | 'endpoints' | 'tenants' | 'identity'>;

/** What of a configuration may change while sessions are open, beside the mode. */
export function reloadablePart(config: HostConfig): Reloadable {
  const { functions, builtIn, clientFunctions, endpoints, tenants, identity } = config;
  return { functions, builtIn, clientFunctions, endpoints, tenants, identity };
}

/** Keys whose values are others. */
export function keysThatDiffer(a: HostConfig, b: HostConfig): string[] {
  return (Object.keys(b) as (keyof HostConfig)[]).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}
