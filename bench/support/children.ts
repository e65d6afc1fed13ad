import { type ChildProcess, fork } from 'node:child_process';

/** A measured process that answers questions over IPC. */
export class Child {
  private constructor(readonly process: ChildProcess) {}

  static async start<T>(module: string, args: string[] = []): Promise<{ child: Child; hello: T }> {
    const forked = fork(new URL(module, import.meta.url), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const child = new Child(forked);
    return { child, hello: await child.#next<T>() };
  }

  async #next<T>(): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.process.once('message', (message) => resolve(message as T));
      this.process.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
    });
  }

  async ask<T>(): Promise<T> {
    const answer = this.#next<T>();
    this.process.send('tell');
    return await answer;
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
