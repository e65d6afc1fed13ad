import { execFileSync } from 'node:child_process';

/** Whether network namespaces can be made here: Linux, root, iproute2. */
export function namespacesRefusal(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces take root on Linux';
  try {
    new Namespaces([]).dispose();
    return false;
  } catch (error) {
    return `no network namespaces: ${(error as Error).message.split('\n')[0]}`;
  }
}

/**
 * A network of its own: one namespace in the middle, and others that each have a cable to it. Nothing of it can be seen from
 * outside. The n-th of `names` is 10.77.n.2, and the middle is 10.77.n.1 to it.
 */
export class Namespaces {
  readonly #prefix = `tg${process.pid}-`;

  constructor(readonly names: readonly string[]) {
    this.#ip('netns', 'add', this.#of('middle'));
    try {
      this.#middle('link', 'set', 'lo', 'up');
      names.forEach((name, i) => {
        this.#connect(name, i);
      });
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #connect(name: string, i: number): void {
    this.#ip('netns', 'add', this.#of(name));
    this.#middle('link', 'add', `to-${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#of(name));
    this.#middle('addr', 'add', `10.77.${i}.1/24`, 'dev', `to-${i}`);
    this.#middle('link', 'set', `to-${i}`, 'up');
    this.in(name, 'addr', 'add', `10.77.${i}.2/24`, 'dev', 'eth0');
    this.in(name, 'link', 'set', 'eth0', 'up');
    this.in(name, 'link', 'set', 'lo', 'up');
    this.in(name, 'route', 'add', 'default', 'via', `10.77.${i}.1`);
  }

  #of(name: string): string {
    return `${this.#prefix}${name}`;
  }

  #ip(...args: string[]): void {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #middle(...args: string[]): void {
    this.in('middle', ...args);
  }

  /** `ip` in a namespace. */
  in(name: string, ...args: string[]): void {
    this.#ip('-n', this.#of(name), ...args);
  }

  /** What starts a program in a namespace. */
  prefix(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#of(name)];
  }

  dispose(): void {
    for (const name of [...this.names, 'middle']) {
      try {
        this.#ip('netns', 'del', this.#of(name));
      } catch {
        // It was never there.
      }
    }
  }
}
