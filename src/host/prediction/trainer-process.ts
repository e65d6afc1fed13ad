import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromTrainer, ToTrainer, TrainerInit } from './trainer-messages.js';

const TRAINER = fileURLToPath(new URL('../../../workers/trainer.js', import.meta.url));

/** One run of the trainer in a process of its own: whatever becomes of it, the host serves on. */
export class TrainerProcess {
  readonly #child: ChildProcess;
  #paused = false;
  /** How it ended; never rejects. */
  readonly result: Promise<FromTrainer>;

  constructor(init: TrainerInit) {
    // Its output is the host's log, not its own.
    this.#child = fork(TRAINER, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
    let stderr = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    this.result = new Promise((resolve) => {
      this.#child.once('message', (message: FromTrainer) => resolve(message));
      this.#child.once('error', (error) => resolve({ type: 'failed', reason: error.message }));
      this.#child.once('exit', (code, signal) => {
        const last = stderr.trim().split('\n').at(-1) ?? '';
        resolve({
          type: 'failed',
          reason: `the trainer ended with ${signal ?? code}${last === '' ? '' : `: ${last}`}`,
        });
      });
    });
    this.#send({ type: 'start', init });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    this.#send({ type: paused ? 'pause' : 'resume' });
  }

  #send(message: ToTrainer): void {
    // It may be gone, which `result` tells.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Ends it, whatever it is doing: what it writes is in place whole or not at all. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
