import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientOptions, FunctionClient, FunctionSession, OpenOptions } from '../../src/client/index.js';
import { NodeClient } from '../../src/client/node-client.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { type HostParts, SocketHost } from '../../src/host/socket-host.js';
import { Recorder } from './client.js';
import { keepFunctionOpen, openFunction, type Place } from './function-client.js';

/** Path of a function module of `support/functions`. */
export const moduleOf = (name: string): string => fileURLToPath(new URL(`./functions/${name}.js`, import.meta.url));

export const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Hosts of a test file in its own process, and sessions on them. */
export class FunctionHosts {
  readonly #folders: string[] = [];
  readonly #hosts: SocketHost[] = [];
  readonly #sessions: FunctionSession[] = [];
  readonly #kept: FunctionClient[] = [];
  readonly #plain: NodeClient[] = [];

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

  /** A function that is opened again where its session breaks. */
  keepOpen(host: SocketHost | Place, path: string, options: ClientOptions = {}): FunctionClient {
    const hash = 'hash' in host ? host.hash : host.certificateHash;
    const client = keepFunctionOpen({ url: host.url, hash }, path, options);
    this.#kept.push(client);
    return client;
  }

  /** A session without a control stream. */
  async openPlain(host: SocketHost, path: string): Promise<void> {
    const client = await NodeClient.create({ certificateHashes: [host.certificateHash] });
    this.#plain.push(client);
    await client.connect(`${host.url}/${path}`, new Recorder());
  }

  async dispose(): Promise<void> {
    for (const client of this.#kept) client.close();
    for (const client of this.#plain) await client.close();
    for (const session of this.#sessions) session.close();
    for (const host of this.#hosts) await host.close(0);
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}
