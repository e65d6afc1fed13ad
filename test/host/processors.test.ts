import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processors } from '../../src/host/processors.js';

const of = (files: Record<string, string>, most = 8) => processors((path) => files[path] ?? null, most);

test('a process has the processors that there are, or the part that its container is given', () => {
  assert.equal(of({}), 8);
  assert.equal(of({ '/proc/self/cgroup': '0::/\n' }), 8);
  const container = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' };
  assert.equal(of(container), 0.5);
  assert.equal(of(container, 0.25), 0.25, 'there are fewer');
  assert.equal(of({ ...container, '/sys/fs/cgroup/cpu.max': 'max 100000\n' }), 8);
  assert.equal(of({ ...container, '/sys/fs/cgroup/cpu.max': '' }), 8);
});

test('the narrowest of all groups around it holds', () => {
  const nested = {
    '/proc/self/cgroup': '0::/kubepods/pod1/c1\n',
    '/sys/fs/cgroup/kubepods/cpu.max': '600000 100000\n',
    '/sys/fs/cgroup/kubepods/pod1/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/kubepods/pod1/c1/cpu.max': 'max 100000\n',
  };
  assert.equal(of(nested), 1.5);
});

test('version 1 of cgroups, its path the one outside of the container', () => {
  const files = {
    '/proc/self/cgroup': '4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n2:cpuset:/\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '40000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  };
  assert.equal(of(files), 0.4);
  assert.equal(of({ ...files, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' }), 8);
});

test('this machine has some', () => {
  assert.ok(processors() > 0);
});
