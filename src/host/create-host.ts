import type { HostConfigInput } from './config.js';
import { type HostParts, SocketHost } from './socket-host.js';

/** How a host is made, beside its configuration. */
export interface CreateHostOptions extends HostParts {
  /** Aborted: the host drains and closes. */
  signal?: AbortSignal;
}

/**
 * Makes a host and starts it. Rejects with a `TidegateError` whose code says what kind of thing is wrong, and whose message how
 * to mend it (docs/errors.md), or with the signal's reason where that is aborted before the host serves.
 */
export async function createHost(config: HostConfigInput = {}, options: CreateHostOptions = {}): Promise<SocketHost> {
  const { signal, ...parts } = options;
  signal?.throwIfAborted();
  const host = new SocketHost(config, parts);
  await host.start();
  if (signal === undefined) return host;
  const close = (): void => {
    host.close().catch((error: Error) => host.emit('log', 'error', 'closing failed', { error: error.message }));
  };
  if (signal.aborted) {
    await host.close(0);
    signal.throwIfAborted();
  }
  signal.addEventListener('abort', close, { once: true });
  return host;
}
