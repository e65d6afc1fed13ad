import { get } from 'node:http';
import { json } from 'node:stream/consumers';
import { loadKeys } from '../../src/host/keys.js';
import { type BalancedHost, CidBalancer } from './cid-balancer.js';

/** What a balancer in a process of its own is told of a host. */
export interface ProbedHost {
  hostId: number;
  address: string;
  port: number;
  adminUrl: string;
}

/** What it answers to any message. */
export interface BalancerState {
  clients: string[];
  lost: number;
  ready: number[];
}

const PROBE_MS = 100;

/** `node balancer-process.js KEYS HOSTS`: a balancer on all addresses that looks at `/readyz` of its hosts. */
const [keys, list] = process.argv.slice(2);
const hosts = (JSON.parse(list) as ProbedHost[]).map(({ adminUrl, ...host }) => {
  let isReady = false;
  const probe = (): void => {
    const request = get(`${adminUrl}/readyz`, { timeout: 1000 }, (response) => {
      json(response).then(
        () => {
          isReady = response.statusCode === 200;
        },
        () => {
          isReady = false;
        },
      );
    });
    request.on('error', () => {
      isReady = false;
    });
  };
  probe();
  setInterval(probe, PROBE_MS);
  return { ...host, isReady: () => isReady } satisfies BalancedHost;
});
const balancer = await CidBalancer.create((await loadKeys(keys)).shard.cid, hosts, '0.0.0.0');
process.on('message', () => {
  const ready = hosts.filter((host) => host.isReady()).map(({ hostId }) => hostId);
  process.send?.({ clients: balancer.clients, lost: balancer.lost, ready } satisfies BalancerState);
});
process.on('disconnect', () => process.exit());
process.send?.(balancer.port);
