// Makes the API pages (dist/api) and holds what is public against docs/api-surface.txt, so that no change of it goes unseen.
// `npm run docs:api -- --accept` writes the list anew.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tools = join(root, 'tools', 'api-docs');
const list = join(root, 'docs', 'api-surface.txt');
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, 'dist', 'src', 'index.d.ts'))) run(npm, ['run', 'build'], root);
if (!existsSync(join(tools, 'node_modules'))) run(npm, ['ci', '--silent'], tools);
run(process.execPath, [join(tools, 'node_modules', 'typedoc', 'bin', 'typedoc')], tools);

/** Names of what is public, a line each; a trailing `?` is what may be left out. */
function surface(node, path) {
  const children = node.children ?? node.type?.declaration?.children ?? [];
  return children.flatMap((child) => {
    const name = `${path}${child.name}${child.flags?.isOptional ? '?' : ''}`;
    return [name, ...surface(child, `${path}${child.name}.`)];
  });
}

const { children } = JSON.parse(readFileSync(join(root, 'dist', 'api', 'api.json'), 'utf8'));
const entry = ({ name }) => `tidegate/${name.replace(/^src\/?/, '').replace(/^transport\//, '')}`.replace(/\/$/, '');
const now = `${children
  .flatMap((module) => [`# ${entry(module)}`, ...surface(module, '').sort(), ''])
  .join('\n')
  .trim()}\n`;
const kept = existsSync(list) ? readFileSync(list, 'utf8') : '';
if (process.argv.includes('--accept')) writeFileSync(list, now);
else if (now !== kept) {
  const missing = (from, other) => from.split('\n').filter((line) => !other.split('\n').includes(line));
  for (const line of missing(now, kept)) console.error(`+ ${line}`);
  for (const line of missing(kept, now)) console.error(`- ${line}`);
  console.error('what is public has changed: `npm run docs:api -- --accept` takes it up in docs/api-surface.txt');
  process.exit(1);
}
console.log('API pages in dist/api; what is public is as docs/api-surface.txt says');
