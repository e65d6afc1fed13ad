// Compiles the AssemblyScript core, the numeric module beside it, and TypeScript into dist/.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

function run(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const asc = join(dirname(require.resolve('assemblyscript/package.json')), 'bin', 'asc.js');
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
run(asc, ['--config', 'asconfig.json', '--target', 'release']);
const numeric = ['--outFile', 'dist/numeric.wasm', '--runtime', 'stub', '--noAssert', '-O3', '--enable', 'simd'];
run(asc, ['assembly/numeric/index.ts', '--config', 'none', ...numeric]);
run(tsc, ['-p', 'tsconfig.json']);
// What sources that are gone left behind would be tested, and packed.
for (const folder of ['src', 'workers', 'transport', 'test', 'bench']) {
  for (const file of readdirSync(join(root, 'dist', folder), { recursive: true })) {
    const source = file.replace(/(\.d\.ts|\.js)$/, '.ts');
    if (source !== file && !existsSync(join(root, folder, source))) rmSync(join(root, 'dist', folder, file));
  }
}
const cli = join(root, 'dist', 'src', 'cli', 'main.js');
if (existsSync(cli)) chmodSync(cli, 0o755);
