import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FunctionSession, OpenOptions } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { type HostParts, SocketHost } from '../../src/host/socket-host.js';
import { openFunction } from './function-client.js';

/** Path of a function module of `support/functions`. */
export const moduleOf = (name: string): string => fileURLToPath(new URL(`./functions/${name}.js`, import.meta.url));

export const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Hosts of a test file in its own process, and sessions on them. */
export class FunctionHosts {
  readonly #folders: string[] = [];
  readonly #hosts: SocketHost[] = [];
  readonly #sessions: FunctionSession[] = [];

  /** One whose limits are out of the way unless `config` says otherwise. */
  async start(config: HostConfigInput, parts: HostParts = {}): Promise<SocketHost> {
    const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-functions-'));
    this.#folders.push(dataDir);
    const quiet = { port: 0, shards: 1, dataDir, store: 'memory', prediction: { enabled: false } } as const;
    const host = new SocketHost({ ...quiet, ...config }, parts);
    this.#hosts.push(host);
    await host.start();
    return host;
  }

  async open(host: SocketHost, path: string, options: OpenOptions = {}): Promise<FunctionSession> {
    const session = await openFunction({ url: host.url, hash: host.certificateHash }, path, options);
    this.#sessions.push(session);
    return session;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions) session.close();
    for (const host of this.#hosts) await host.close(0);
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}
