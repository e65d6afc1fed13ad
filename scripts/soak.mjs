// `npm run soak -- [--minutes N] [--sessions N] [--chaos]`, or `npm run soak -- misuse [--seconds N] [--clients N] [--tcp SHARE]`:
// builds, then runs test/soak/soak.ts, or misuse.ts.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const built = run(join(root, 'scripts', 'build.mjs'));
process.exit(
  built !== 0
    ? built
    : run(
        join(root, 'dist', 'test', 'soak', `${process.argv[2] === 'misuse' ? 'misuse' : 'soak'}.js`),
        ...process.argv.slice(2),
      ),
);
