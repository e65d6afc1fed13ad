// `node scripts/benchmarks-page.mjs FILE`: writes docs/benchmarks.md from what `npm run bench -- --json FILE` kept.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const kept = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** What a suite says of itself: the comment that it begins with. */
function about(suite) {
  const source = readFileSync(join(root, 'bench', `${suite}.bench.ts`), 'utf8');
  const comment = /^\/\*\*?([\s\S]*?)\*\//.exec(source)?.[1] ?? /^(?:\/\/.*\n)+/.exec(source)?.[0] ?? '';
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\*|\/\/) ?/, '').trim())
    .filter((line) => line !== '')
    .join(' ');
}

const pages = Object.entries(kept)
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([suite, { date, node, processors, lines }]) =>
    [
      `## ${suite}`,
      '',
      about(suite),
      '',
      `\`npm run bench ${suite}\`, ${date}, Node ${node}, ${processors}:`,
      '',
      '```',
      ...lines,
      '```',
      '',
    ].join('\n'),
  );
const head = [
  '# Benchmarks',
  '',
  'What the suites in `bench/` printed, as it stands: server and load on one machine, which others use too, so that ratios within a run',
  'say more than figures. Made by `npm run bench -- --json FILE` and `node scripts/benchmarks-page.mjs FILE`; the suites that are not here',
  'were not run for this page. The README has figures of quieter hours.',
  '',
];
writeFileSync(join(root, 'docs', 'benchmarks.md'), [...head, ...pages].join('\n'));
