import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders to put a copy in, beside the one for temporary files: that may be for reading alone, or forbid that its files are executed. */
const MORE_FOLDERS = ['/var/tmp', '/dev/shm'];

/** Another folder that a copy may be put in where no other will do. */
export function allowCopiesIn(folder: string): void {
  if (!MORE_FOLDERS.includes(folder)) MORE_FOLDERS.push(folder);
}

/**
 * Loads an addon from a copy of its file, so that this thread has an instance of its own: the loader takes another file for
 * another library. napi-rs before 3.10 keeps one queue a process for buffers that are let go, and with three threads on one
 * instance it gives those of one to another, which ends the process (napi-rs issue 3357). A thread with its own copy is its
 * first and only one. Where no copy can be loaded, the file itself is, with a warning.
 */
export function loadCopy(file: string): unknown {
  let reason = '';
  for (const folder of [tmpdir(), ...MORE_FOLDERS]) {
    let own: string | undefined;
    try {
      own = mkdtempSync(join(folder, 'tidegate-'));
      const copy = join(own, 'addon.node');
      copyFileSync(file, copy, constants.COPYFILE_EXCL);
      const module = { exports: {} };
      process.dlopen(module, copy);
      return module.exports;
    } catch (error) {
      reason = (error as Error).message;
    } finally {
      // Loaded, it needs no name any more. Windows keeps it until the process ends.
      if (own !== undefined) rmSync(own, { recursive: true, force: true, maxRetries: 0 });
    }
  }
  process.emitWarning(`no copy of ${file} could be loaded (${reason}): more than two threads of it are not safe`, {
    detail: 'set TMPDIR to a folder from which files may be executed',
  });
  return createRequire(import.meta.url)(file);
}
