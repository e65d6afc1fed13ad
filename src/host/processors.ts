import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const MOUNT = '/sys/fs/cgroup';

type Read = (path: string) => string | null;

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** A group and those that it is in, from the outermost: "/", "/a", "/a/b". */
function withParents(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

/** Processors by a quota and a period of time, both in µs; infinite where there is no quota. */
function shareOf(quota: string, period: string): number {
  const share = Number(quota) / Number(period);
  return share > 0 ? share : Number.POSITIVE_INFINITY;
}

/**
 * Processors that this process may use: those that there are, or what its container is given, which may be a part of one. Linux tells it by
 * cgroups, version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`); Node itself counts no parts, and before 22.12 no quotas.
 */
export function processors(read: Read = readText, most = availableParallelism()): number {
  let given = most;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    for (const group of withParents(path)) {
      if (controllers === '') {
        const [quota = '', period = ''] = (read(join(MOUNT, group, 'cpu.max')) ?? '').trim().split(' ');
        given = Math.min(given, shareOf(quota, period));
      } else if (controllers.split(',').includes('cpu')) {
        const of = (name: string): string => (read(join(MOUNT, 'cpu', group, name)) ?? '').trim();
        given = Math.min(given, shareOf(of('cpu.cfs_quota_us'), of('cpu.cfs_period_us')));
      }
    }
  }
  return given;
}
