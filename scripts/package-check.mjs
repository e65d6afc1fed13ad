// `npm run package:check`: packs the package as it would be published (dist as it stands) and looks at the tarball: what a
// consumer resolves (publint, are-the-types-wrong), and its size.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Bytes of the tarball, at most: what is new has to be meant. */
const MOST_BYTES = 1_000_000;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'tidegate-pack-'));
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} failed`);
}

try {
  run(npm, ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]);
  const tarball = join(folder, readdirSync(folder)[0]);
  run('npx', ['publint', '--strict', tarball]);
  // ES modules alone, as engines says: `require` of them is what Node makes of it.
  run('npx', ['attw', '--profile', 'esm-only', '--quiet', tarball]);
  const { size } = statSync(tarball);
  if (size > MOST_BYTES) throw new Error(`the tarball has ${size} bytes, and ${MOST_BYTES} are thought enough`);
  console.log(`the tarball has ${Math.round(size / 1000)} kB (at most ${MOST_BYTES / 1000})`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
