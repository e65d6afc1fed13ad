// `npm run bench [suite]`: builds, then runs one suite or all of them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);
const suites = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((suite) => !suites.includes(suite));
if (unknown.length > 0) {
  process.stderr.write(`no suite ${unknown.join(', ')}; there are ${suites.join(', ')}\n`);
  process.exit(2);
}
for (const suite of wanted.length > 0 ? wanted : suites) {
  process.stdout.write(`\n${suite}\n`);
  const { status } = spawnSync(process.execPath, [join(root, 'dist', 'bench', `${suite}.bench.js`)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
