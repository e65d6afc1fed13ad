// `node scripts/benchmarks-page.mjs FILE`: brings into docs/benchmarks.md what `npm run bench -- --json FILE` kept; suites that FILE does
// not have stay as they are.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const page = join(root, 'docs', 'benchmarks.md');
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

/** The page's sections as they are, by suite. */
const sections = new Map(
  readFileSync(page, 'utf8')
    .split(/^(?=## )/m)
    .slice(1)
    .map((text) => [/^## (.*)$/m.exec(text)?.[1], `${text.trimEnd()}\n`]),
);
for (const [suite, { date, node, processors, lines }] of Object.entries(kept)) {
  const section = [
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
  ];
  sections.set(suite, section.join('\n'));
}
const head = [
  '# Benchmarks',
  '',
  'What the suites in `bench/` printed, as it stands: server and load on one machine, which others use too, so that ratios within a run',
  'say more than figures. Made by `npm run bench -- --json FILE` and `node scripts/benchmarks-page.mjs FILE`; the suites that are not here',
  'were not run for this page. The README has figures of quieter hours.',
  '',
];
const sorted = [...sections].sort(([a], [b]) => a.localeCompare(b)).map(([, text]) => text);
writeFileSync(page, [...head, ...sorted].join('\n'));
