import '../../transport/register.js';
import { FunctionSession, type OpenOptions } from '../../src/client/index.js';

// Only now: what the library loads goes through the hook.
const { WebTransport: webTransport } = (await import('@fails-components/webtransport')) as unknown as {
  WebTransport: typeof WebTransport;
};

/** Tokens of one client of a test. */
export class Tokens {
  readonly kept = new Map<string, string>();

  load(host: string): string | null {
    return this.kept.get(host) ?? null;
  }

  save(host: string, token: string): void {
    this.kept.set(host, token);
  }
}

/** Opens a function with the client library, over HTTP/3. */
export async function openFunction(
  host: { url: string; hash: string },
  path: string,
  options: OpenOptions = {},
): Promise<FunctionSession> {
  return await FunctionSession.open(`${host.url}/${path}`, {
    tokens: null,
    ...options,
    webTransport,
    serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(Buffer.from(host.hash, 'hex')) }],
  });
}
