import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';

const CANDIDATES = [process.env.FIREFOX ?? '', '/usr/bin/firefox-esr', '/usr/bin/firefox'];
export const firefoxPath = CANDIDATES.find((path) => path !== '' && existsSync(path));
/** For node:test's `skip`. */
export const noFirefox = firefoxPath === undefined ? 'Firefox is not installed (apt-get install firefox-esr)' : false;

interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  message?: string;
}

/** Headless Firefox on an empty page of localhost, driven over WebDriver BiDi. */
export class FirefoxPage {
  #next = 1;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #context = '';

  private constructor(
    readonly child: ChildProcess,
    readonly profile: string,
    readonly server: Server,
    readonly socket: WebSocket,
  ) {
    socket.on('message', (text) => {
      const answer = JSON.parse(String(text)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async open(): Promise<FirefoxPage> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>test</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const profile = mkdtempSync(join(tmpdir(), 'tidegate-firefox-'));
    const args = ['--headless', '--remote-debugging-port', '0', '--profile', profile, '--no-remote', 'about:blank'];
    const child = spawn(firefoxPath as string, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile },
    });
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stderr?.on('data', (part: Buffer) => {
        text += part;
        const match = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(text);
        if (match !== null) resolve(match[1]);
      });
      child.once('exit', (code) => reject(new Error(`Firefox ended with ${code}: ${text}`)));
    });
    const socket = new WebSocket(`${address}/session`);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const page = new FirefoxPage(child, profile, server, socket);
    await page.#call('session.new', { capabilities: {} });
    const { contexts } = (await page.#call('browsingContext.getTree', {})) as { contexts: { context: string }[] };
    page.#context = contexts[0].context;
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
    await page.#call('browsingContext.navigate', { context: page.#context, url, wait: 'complete' });
    return page;
  }

  async #call(method: string, params: object): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (answer.result === undefined) throw new Error(`${method}: ${answer.message}`);
    return answer.result;
  }

  /** Runs an async function's source in the page; it has to return a string. */
  async evaluate(source: string): Promise<string> {
    const answer = (await this.#call('script.evaluate', {
      expression: `(${source})()`,
      target: { context: this.#context },
      awaitPromise: true,
    })) as { result?: { value: string }; exceptionDetails?: { text: string } };
    if (answer.result === undefined) throw new Error(answer.exceptionDetails?.text);
    return answer.result.value;
  }

  async close(): Promise<void> {
    this.socket.close();
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    this.server.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
