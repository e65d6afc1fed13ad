import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major'; execution: 'async' }) => Promise<void>;

let collect: Collect | null | undefined;

/** Has V8 look for garbage before long: it does not know what memory hangs on its objects. A runtime that can't does when it will. */
export function collectGarbage(): void {
  collect ??= findCollector();
  collect?.({ type: 'major', execution: 'async' }).catch(() => {});
}

function findCollector(): Collect | null {
  try {
    setFlagsFromString('--expose-gc');
    return runInNewContext('gc') as Collect;
  } catch {
    return null;
  }
}
