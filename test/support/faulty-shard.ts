import { spawnSync } from 'node:child_process';
import { builtInFunctions } from '../../src/host/functions/built-in.js';
import type { HostFunction } from '../../src/host/functions/host-function.js';
import run from '../../workers/shard.js';

/** A shard with functions that fail in the ways that functions do. */
const faults: HostFunction[] = [
  {
    id: 'hang',
    open: () => ({
      onDatagram() {
        for (;;);
      },
    }),
  },
  {
    id: 'hang-natively',
    open: () => ({
      onDatagram() {
        // A system call that worker.terminate() can't interrupt.
        spawnSync('sleep', ['30']);
      },
    }),
  },
  {
    id: 'die',
    open: () => ({
      onDatagram() {
        setImmediate(() => {
          throw new Error('a bug in the shard');
        });
      },
    }),
  },
  {
    id: 'trap',
    open: (session) => ({
      onDatagram() {
        session.table.core.extract(0xfffffff0, 1000, 0xfffffff0, 0);
      },
    }),
  },
  {
    id: 'throw',
    open: () => ({
      onDatagram() {
        throw new Error('a bug in a function');
      },
    }),
  },
];
for (const fault of faults) (builtInFunctions as Map<string, HostFunction>).set(fault.id, fault);

/** The shard of every host, with those functions beside what its configuration leaves it. */
export default async function runFaulty(task: Parameters<typeof run>[0]): ReturnType<typeof run> {
  (task.init.functions.builtIn as string[]).push(...faults.map(({ id }) => id));
  return await run(task);
}
