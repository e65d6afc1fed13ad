import { RecentMap } from '../../../core/recent-map.js';
import type { AddressGuard } from './address-guard.js';
import { RemoteEndpoint, type RemoteOptions, RemoteRules } from './remote-endpoint.js';

/** Addresses that clients named, up to which one is known again by the next that names it. */
const CLIENT_ADDRESSES = 1000;

/** The remote endpoints of a shard. */
export class RemoteEndpoints {
  readonly #rules: RemoteRules;
  /** The operator's, by configuration. */
  #own = new Map<string, RemoteEndpoint>();
  /** Those that clients named. Who gives way goes on for the sessions that have it. */
  readonly #named = new RecentMap<string, RemoteEndpoint>(CLIENT_ADDRESSES);

  constructor(guard: AddressGuard, key: Uint8Array) {
    this.#rules = new RemoteRules(guard, key);
  }

  /** Of the operator; `made` are those of the configuration that is about to be taken over. */
  own(url: string, options: Omit<RemoteOptions, 'url'>, made: Map<string, RemoteEndpoint>): RemoteEndpoint {
    const key = JSON.stringify([url, options]);
    const endpoint = made.get(key) ?? this.#own.get(key) ?? new RemoteEndpoint({ url, ...options }, this.#rules);
    made.set(key, endpoint);
    return endpoint;
  }

  /** Of a client. */
  named(url: string, options: Omit<RemoteOptions, 'url'>): RemoteEndpoint {
    const endpoint = this.#named.get(url) ?? new RemoteEndpoint({ url, ...options }, this.#rules);
    this.#named.set(url, endpoint);
    return endpoint;
  }

  /** Any that calls go by to an address; null: none does. */
  at(url: string): RemoteEndpoint | null {
    return [...this.#own.values()].find((remote) => remote.url === url) ?? this.#named.get(url) ?? null;
  }

  /** Those that are not among `made` any more end their calls, and are let go. */
  takeOver(made: Map<string, RemoteEndpoint>): void {
    this.#own = made;
  }

  /** Other addresses are open, or another key signs: at once, for those too that are in use. */
  change(guard: AddressGuard, key: Uint8Array): void {
    this.#rules.change(guard, key);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#own.values(), ...this.#named.values()].map((remote) => remote.destroy()));
  }
}
