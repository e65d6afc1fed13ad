import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostConfigInput } from '../../src/host/config.js';
import { until } from './client.js';

export const CLI = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Announcement {
  url: string;
  certificateHash: string;
  adminUrl: string;
  shards: number;
  pid: number;
}

interface HostProcessOptions {
  /** What it is started by, as `ip netns exec NAME`. */
  prefix?: readonly string[];
  node?: string;
  folder?: string;
  script?: string;
  cwd?: string;
}

/** A `tidegate serve` of its own in a folder of its own. */
export class HostProcess {
  static readonly #all = new Set<HostProcess>();

  stderr = '';

  private constructor(
    readonly child: ChildProcess,
    readonly folder: string,
    readonly announcement: Announcement,
  ) {
    HostProcess.#all.add(this);
  }

  /** Starts one on free ports; the UDP port that it got may be another's for TCP, and then it gets others. */
  static async start(args: readonly string[] = [], options: HostProcessOptions = {}): Promise<HostProcess> {
    for (let tries = 1; ; tries++) {
      try {
        return await HostProcess.#once(args, options);
      } catch (error) {
        if (tries === 3 || !(error as Error).message.includes('EADDRINUSE') || args.includes('--port')) throw error;
      }
    }
  }

  static async #once(args: readonly string[], options: HostProcessOptions): Promise<HostProcess> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'tidegate-test-'));
    const [command, ...rest] = [...(options.prefix ?? []), options.node ?? process.execPath];
    const child = spawn(
      command,
      [
        ...rest,
        ...(options.script === undefined ? [CLI, 'serve'] : [options.script]),
        '--port',
        '0',
        '--admin-port',
        '0',
        '--json',
        '--data-dir',
        join(folder, 'data'),
        ...args,
      ],
      { cwd: options.cwd ?? folder, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    const { stdout, stderr: errors } = child;
    if (stdout === null || errors === null) throw new Error('no pipes');
    let stderr = '';
    errors.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
    });
    const host = new HostProcess(child, folder, JSON.parse(line));
    host.stderr = stderr;
    errors.on('data', (text: string) => {
      host.stderr += text;
    });
    return host;
  }

  /** One with these keys in its configuration file. */
  static async configured(config: HostConfigInput, options: HostProcessOptions = {}): Promise<HostProcess> {
    const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'c.json');
    writeFileSync(file, JSON.stringify(config));
    return await HostProcess.start(['--config', file], options);
  }

  get url(): string {
    return this.announcement.url;
  }

  get pid(): number {
    return this.announcement.pid;
  }

  get adminUrl(): string {
    return this.announcement.adminUrl;
  }

  get hash(): string {
    return this.announcement.certificateHash;
  }

  get hashBytes(): number[] {
    return [...Buffer.from(this.hash, 'hex')];
  }

  async admin<T = unknown>(path: string): Promise<T> {
    const response = await fetch(`${this.announcement.adminUrl}${path}`);
    const text = await response.text();
    return (response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text) as T;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Asks a host of `faulty-host.ts` for something. */
  send(message: object): void {
    this.child.send(message);
  }

  /** Sum over shards of a metric. */
  async metric(name: string): Promise<number> {
    const text = await this.admin<string>('/metrics');
    const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Waits until a metric has a value: a shard publishes its counters with its beat, some 50 ms after the fact. */
  async metricIs(name: string, value: number): Promise<void> {
    await until(async () => (await this.metric(name)) === value, 10_000, `${name} to be ${value}`);
  }

  /** Sends a signal and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.isAlive) return this.child.exitCode;
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', (code) => resolve(code)));
    this.child.kill(signal);
    return await ended;
  }

  /** Ends it and every other of its folder (one that was started again writes into it too), and removes the folder. */
  async dispose(): Promise<void> {
    for (const host of HostProcess.#all) {
      if (host.folder !== this.folder) continue;
      await host.stop('SIGKILL');
      HostProcess.#all.delete(host);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
