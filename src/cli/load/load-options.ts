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

/** How clients of a run reach `url`, and whom they trust. Throws TIDEGATE_E_CONFIG where sessions can't be opened there. */
export function clientOptions(url: string, { certificateHash, insecure = false }: LoadOptions): NodeClientOptions {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw new TidegateError('TIDEGATE_E_CONFIG', `${url} is not an https URL`, {
      hint: 'as https://127.0.0.1:4433/echo',
    });
  }
  return {
    ...(certificateHash === undefined ? {} : { certificateHashes: [certificateHash] }),
    insecure,
    ipv6: new URL(url).hostname.startsWith('['),
  };
}
