import { lookup } from 'node:dns/promises';
import type { NodeClientOptions } from '../../client/node-client.js';
import { TidegateError } from '../../quic/errors.js';

/** What `tidegate load` was told. */
export interface LoadOptions {
  sessions: number;
  /** Messages a second and session; 0 sends the next as soon as one comes back. */
  rate: number;
  /** Messages on the way a session where the rate is 0. */
  window: number;
  size: number;
  kind: 'datagrams' | 'streams';
  /** Seconds. */
  duration: number;
  replay?: string;
  speed: number;
  limit?: number;
  certificateHash?: string;
  insecure?: boolean;
  json?: boolean;
}

/** Whether a host, as URLs name it, has addresses of IPv6 alone. */
async function isOnlyIpv6(hostname: string, resolve: typeof lookup): Promise<boolean> {
  if (hostname.startsWith('[')) return true;
  // A name that nobody has is told of where a client asks for it.
  const addresses = await resolve(hostname, { all: true }).catch(() => []);
  return addresses.length > 0 && addresses.every(({ family }) => family === 6);
}

/** How clients of a run reach `url`, and whom they trust. Rejects with TIDEGATE_E_CONFIG where sessions can't be opened there. */
export async function clientOptions(
  url: string,
  { certificateHash, insecure = false }: Pick<LoadOptions, 'certificateHash' | 'insecure'>,
  resolve: typeof lookup = lookup,
): Promise<NodeClientOptions> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw new TidegateError('TIDEGATE_E_CONFIG', `${url} is not an https URL`, {
      hint: 'as https://127.0.0.1:4433/echo',
    });
  }
  return {
    ...(certificateHash === undefined ? {} : { certificateHashes: [certificateHash] }),
    insecure,
    ipv6: await isOnlyIpv6(new URL(url).hostname, resolve),
  };
}
