// `npm run bench [suite…] [-- --json FILE]`: builds, then runs some suites or all of them; --json keeps what they print, for
// scripts/benchmarks-page.mjs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);
const suites = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''));
const unknown = positionals.filter((suite) => !suites.includes(suite));
if (unknown.length > 0) {
  process.stderr.write(`no suite ${unknown.join(', ')}; there are ${suites.join(', ')}\n`);
  process.exit(2);
}
// What was kept of other suites stays.
const kept = values.json !== undefined && existsSync(values.json) ? JSON.parse(readFileSync(values.json, 'utf8')) : {};
for (const suite of positionals.length > 0 ? positionals : suites) {
  process.stdout.write(`\n${suite}\n`);
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist', 'bench', `${suite}.bench.js`)], {
    stdio: ['inherit', values.json === undefined ? 'inherit' : 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) process.exit(status ?? 1);
  if (values.json === undefined) continue;
  process.stdout.write(stdout);
  const [{ model }] = cpus();
  kept[suite] = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    processors: `${cpus().length} × ${model.trim()}`,
    lines: stdout.trimEnd().split('\n'),
  };
  writeFileSync(values.json, `${JSON.stringify(kept, null, 2)}\n`);
}
