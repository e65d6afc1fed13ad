import '../../transport/register.js';
import { type ClientOptions, FunctionClient, FunctionSession, type OpenOptions } from '../../src/client/index.js';

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

/** Where a host is, and the hashes of certificates that it may have. */
export interface Place {
  url: string;
  hash: string | readonly string[];
}

function reaching<O extends OpenOptions>({ hash }: Place, options: O): O & OpenOptions {
  const serverCertificateHashes = [hash].flat().map((each) => ({
    algorithm: 'sha-256',
    value: new Uint8Array(Buffer.from(each, 'hex')),
  }));
  return { tokens: null, webTransport, ...options, serverCertificateHashes };
}

/** Opens a function with the client library; over HTTP/3, unless it is told of another transport. */
export async function openFunction(host: Place, path: string, options: OpenOptions = {}): Promise<FunctionSession> {
  return await FunctionSession.open(`${host.url}/${path}`, reaching(host, options));
}

/** Keeps a function open. */
export function keepFunctionOpen(host: Place, path: string, options: ClientOptions = {}): FunctionClient {
  return FunctionClient.open(`${host.url}/${path}`, reaching(host, options));
}
