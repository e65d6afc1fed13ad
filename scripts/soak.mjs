// `npm run soak -- [--minutes N] [--sessions N] [--chaos]`: builds, then runs test/soak/soak.ts.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const built = run(join(root, 'scripts', 'build.mjs'));
process.exit(built !== 0 ? built : run(join(root, 'dist', 'test', 'soak', 'soak.js'), ...process.argv.slice(2)));
