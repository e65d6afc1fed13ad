import { type ChildProcess, fork } from 'node:child_process';

/** A measured process that answers questions over IPC. */
export class Child {
  private constructor(readonly process: ChildProcess) {}

  static async start<T>(
    module: string,
    args: string[] = [],
    node = process.execPath,
  ): Promise<{ child: Child; hello: T }> {
    const child = Child.begin(module, args, node);
    return { child, hello: await child.#next<T>() };
  }

  /** One that has nothing to say before it works. */
  static begin(module: string, args: string[] = [], node = process.execPath): Child {
    const stdio: ['ignore', 'ignore', 'inherit', 'ipc'] = ['ignore', 'ignore', 'inherit', 'ipc'];
    return new Child(fork(new URL(module, import.meta.url), args, { stdio, execPath: node }));
  }

  async #next<T>(): Promise<T> {
    const { process: child } = this;
    return await new Promise<T>((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`the child ended with ${code}`));
      child.once('exit', onExit);
      child.once('message', (message) => {
        child.off('exit', onExit);
        resolve(message as T);
      });
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
