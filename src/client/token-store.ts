/** Where a client keeps the tokens that hosts gave it, by host. */
export interface TokenStore {
  load(host: string): string | null;
  save(host: string, token: string): void;
}

const PREFIX = 'tidegate-token:';
const kept = new Map<string, string>();

/** The browser's storage where there is one, else the program's memory. */
export const defaultTokens: TokenStore = {
  load: (host) => stored((storage) => storage.getItem(PREFIX + host)) ?? kept.get(host) ?? null,
  save(host, token) {
    kept.set(host, token);
    stored((storage) => storage.setItem(PREFIX + host, token));
  },
};

/** Pages may be kept from it, or find it full; Node says that it needs a file. */
function stored<T>(use: (storage: Storage) => T): T | null {
  try {
    return use(globalThis.localStorage);
  } catch {
    return null;
  }
}
