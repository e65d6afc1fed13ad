import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The core's exported numbers as a C header: the kernel in C reads the layout as TypeScript does. */
function layoutHeader(): string {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 32768, shared: true });
  const module = new WebAssembly.Module(readFileSync(join(ROOT, 'dist/core.wasm')));
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } });
  return Object.entries(exports)
    .filter((entry): entry is [string, WebAssembly.Global] => entry[1] instanceof WebAssembly.Global)
    .map(([name, { value }]) => `#define ${name} ${literal(value)}\n`)
    .join('');
}

function literal(value: number | bigint): string {
  if (typeof value === 'bigint') return `${value}ll`;
  if (value < 0) return `${value >>> 0}u`;
  return Number.isInteger(value) && value < 2 ** 31 ? String(value) : value.toFixed(1);
}

/** The gate's kernel in C, compiled with the flags of the comparison. */
export class NativeGate {
  private constructor(readonly folder: string) {}

  /** Null where there is no compiler. */
  static compile(): NativeGate | null {
    const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
    if (compiler === undefined || !existsSync(join(ROOT, 'bench/native/gate.c'))) return null;
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-native-'));
    writeFileSync(join(folder, 'layout.h'), layoutHeader());
    const flags = ['-O3', '-march=x86-64-v2', '-I', folder, '-o', join(folder, 'gate')];
    const { status, stderr } = spawnSync(compiler, [...flags, join(ROOT, 'bench/native/gate.c')], { encoding: 'utf8' });
    if (status === 0) return new NativeGate(folder);
    console.log(`the kernel in C does not compile here: ${stderr.split('\n')[0]}`);
    rmSync(folder, { recursive: true });
    return null;
  }

  /** ns a packet, the best of `rounds`. */
  run(sessions: number, packets: number, rounds: number): number {
    const { stdout } = spawnSync(join(this.folder, 'gate'), [sessions, packets, rounds].map(String), {
      encoding: 'utf8',
    });
    return Number(stdout.split(' ')[0]);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}
