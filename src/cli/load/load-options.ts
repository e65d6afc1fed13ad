import type { NodeClientOptions } from '../../client/node-client.js';

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

/** How clients of a run reach `url`, and whom they trust. */
export function clientOptions(url: string, { certificateHash, insecure = false }: LoadOptions): NodeClientOptions {
  return {
    ...(certificateHash === undefined ? {} : { certificateHashes: [certificateHash] }),
    insecure,
    ipv6: new URL(url).hostname.startsWith('['),
  };
}
