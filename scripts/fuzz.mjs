// `npm run fuzz [-- --minutes 10] [--jobs 2] [target…]`: hostile bytes for each codec (test/fuzz) for so long. What breaks one is
// kept under test/fuzz/kept, and run by `npm test` from then on.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, jobs: { type: 'string' } },
});
const seconds = Number(values.minutes) * 60;
const jobs = Number(values.jobs ?? availableParallelism());
if (!(seconds > 0) || !(jobs >= 1)) {
  console.error('--minutes and --jobs are numbers above 0');
  process.exit(2);
}
const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);
const built = join(root, 'dist', 'test', 'fuzz');
const { targets } = await import(pathToFileURL(join(built, 'targets.js')).href);
const names = targets.map(({ name }) => name);
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no target ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}
const waiting = positionals.length > 0 ? positionals : names;

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const child = spawn(process.execPath, [join(built, 'run-target.js'), name, String(seconds)], { stdio: 'inherit' });
    const status = await new Promise((resolve) => child.once('exit', resolve));
    if (status !== 0) process.exitCode = 1;
  }
}
await Promise.all(Array.from({ length: jobs }, work));
