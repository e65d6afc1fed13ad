import { spawn } from 'node:child_process';

const RESTART_DELAY_MS = 100;

/**
 * Runs `serve` as a child and starts it again where it dies of a signal that nobody here sent: native code that hangs
 * can't be interrupted, so the host then kills itself (see docs/operations.md). systemd or Kubernetes do the same.
 */
export async function supervise(): Promise<void> {
  const args = process.argv.slice(1).filter((argument) => argument !== '--supervise');
  let stopping = false;
  for (;;) {
    const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: 'inherit' });
    const pass = (signal: NodeJS.Signals): void => {
      if (signal !== 'SIGHUP') stopping = true;
      child.kill(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, pass);
    const code = await new Promise<number | null>((resolve) => child.once('exit', (exit) => resolve(exit)));
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.off(signal, pass);
    // An exit code of its own is an answer (a config error, say); only a kill is an accident.
    if (stopping || code !== null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.stderr.write('tidegate: the host was killed and is started again\n');
    await new Promise((resolve) => setTimeout(resolve, RESTART_DELAY_MS));
  }
}
