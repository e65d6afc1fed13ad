/** Where a client keeps the tokens that hosts gave it, by host. */
export interface TokenStore {
  load(host: string): string | null;
  save(host: string, token: string): void;
}

const PREFIX = 'tidegate-token:';
const kept = new Map<string, string>();

/** The browser's storage where there is one, else the program's memory. */
export const defaultTokens: TokenStore = {
  load: (host) => storage()?.getItem(PREFIX + host) ?? kept.get(host) ?? null,
  save(host, token) {
    kept.set(host, token);
    storage()?.setItem(PREFIX + host, token);
  },
};

function storage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    // Pages may be kept from it; Node says that it needs a file.
    return null;
  }
}
