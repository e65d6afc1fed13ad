import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { HostConfigInput } from '../../src/host/config.js';
import type { AskingState } from '../support/asking-clients.js';
import type { BalancerState, ProbedHost } from '../support/balancer-process.js';
import { until } from '../support/client.js';
import { HostProcess } from '../support/host-process.js';
import { Namespaces, namespacesRefusal } from '../support/namespaces.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-namespaces-'));
const hosts: HostProcess[] = [];
const children: ChildProcess[] = [];
let network: Namespaces | null = null;
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const host of hosts) await host.dispose();
  network?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const [ONE, TWO, CLIENTS] = [0, 1, 2];
const NAMES = ['one', 'two', 'clients'];
const COUNT = 8;

/** A program of `support` in a namespace, that answers to messages. */
async function started(prefix: readonly string[], module: string, args: readonly string[]): Promise<ChildProcess> {
  const [command, ...rest] = prefix;
  const script = fileURLToPath(new URL(`../support/${module}.js`, import.meta.url));
  const stdio: ['ignore', 'ignore', 'inherit', 'ipc'] = ['ignore', 'ignore', 'inherit', 'ipc'];
  const child = spawn(command, [...rest, process.execPath, script, ...args], { stdio });
  children.push(child);
  return child;
}

async function told<T>(child: ChildProcess): Promise<T> {
  const answer = once(child, 'message');
  child.send('tell');
  return (await answer)[0] as T;
}

async function hostIn(spaces: Namespaces, place: number): Promise<HostProcess> {
  const address = `10.77.${place}.2`;
  const config: HostConfigInput = { host: address, adminHost: address, hostId: place + 1, migration: true, tcp: false };
  const file = join(folder, `${place}.json`);
  writeFileSync(file, JSON.stringify({ ...config, shards: 1, store: 'memory', keys: join(folder, 'keys.json') }));
  const host = await HostProcess.start(['--config', file], { prefix: spaces.prefix(NAMES[place]) });
  hosts.push(host);
  return host;
}

test('two hosts in networks of their own behind a balancer: clients whose address changes, and whose host drains, are served on', {
  timeout: 120_000,
  skip: namespacesRefusal(),
}, async () => {
  const spaces = new Namespaces(NAMES);
  network = spaces;
  // One after the other: the first makes the key file.
  const fleet = [await hostIn(spaces, ONE), await hostIn(spaces, TWO)];
  const probed = fleet.map(
    ({ url, adminUrl }, i): ProbedHost => ({
      hostId: i + 1,
      address: `10.77.${i}.2`,
      port: Number(new URL(url).port),
      adminUrl,
    }),
  );
  const arguments_ = [join(folder, 'keys.json'), JSON.stringify(probed)];
  const balancer = await started(spaces.prefix('middle'), 'balancer-process', arguments_);
  const [port] = await once(balancer, 'message');
  await until(async () => (await told<BalancerState>(balancer)).ready.length === 2);

  const place = `https://10.77.${CLIENTS}.1:${port}`;
  const hashes = fleet.map(({ hash }) => hash).join(',');
  const clients = await started(spaces.prefix('clients'), 'asking-clients', [place, hashes, `${COUNT}`]);
  await once(clients, 'message');
  const answered = async (): Promise<number> => {
    const { answered, failed } = await told<AskingState>(clients);
    assert.deepEqual(failed, []);
    return answered;
  };
  const goesOn = async (what: string): Promise<void> => {
    const before = await answered();
    await until(async () => (await answered()) > before + 10 * COUNT, 20_000, what);
  };
  await goesOn('all are served');

  // Another network: the old address is gone, without a word.
  spaces.in('clients', 'addr', 'flush', 'dev', 'eth0');
  spaces.in('clients', 'addr', 'add', `10.77.${CLIENTS}.77/24`, 'dev', 'eth0');
  spaces.in('clients', 'route', 'add', 'default', 'via', `10.77.${CLIENTS}.1`);
  await goesOn('after a change of address');
  const { clients: seen, lost } = await told<BalancerState>(balancer);
  assert.deepEqual(
    seen,
    [2, 77].map((last) => `10.77.${CLIENTS}.${last}`),
  );
  assert.equal(lost, 0);

  // One host drains and goes: its clients open a session at the other first.
  assert.equal(await fleet[ONE].stop(), 0);
  await until(async () => (await told<BalancerState>(balancer)).ready.length === 1);
  await goesOn('without the first host');
});
