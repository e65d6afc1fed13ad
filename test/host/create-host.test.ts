import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createHost, type HostEvents, type SocketHost, TidegateError } from '../../src/index.js';
import { until } from '../support/client.js';
import { openFunction } from '../support/function-client.js';
import { text } from '../support/function-host.js';

const hosts: SocketHost[] = [];
after(async () => {
  for (const host of hosts) await host.close(0);
});
const config = (): { dataDir: string; port: number; shards: 1; store: 'memory'; tick: number } => ({
  dataDir: mkdtempSync(join(tmpdir(), 'tidegate-create-')),
  port: 0,
  shards: 1,
  store: 'memory',
  tick: 0.1,
});

test('createHost serves, tells what happens as it comes, and drains when its signal says so', {
  timeout: 60_000,
}, async () => {
  const stop = new AbortController();
  const host = await createHost(
    { ...config(), prediction: { enabled: false } },
    {
      signal: stop.signal,
      chooseSettings: (_profile, usual, opening) =>
        opening?.functionId === 'echo' ? { ...usual, bufferSize: 123_456 } : usual,
    },
  );
  hosts.push(host);
  const heard: HostEvents['session'][0][] = [];
  const listening = (async () => {
    for await (const [event] of host.iterate('session', { signal: stop.signal })) heard.push(event);
  })();
  const settings: HostEvents['settings'][0][] = [];
  host.on('settings', (event) => settings.push(event));
  const session = await openFunction({ url: host.url, hash: host.certificateHash }, 'echo');
  assert.equal(session.settings.bufferSize, 123_456, 'as was chosen');
  await session.request(text('hello'));
  await until(() => heard.some(({ state }) => state === 'opened'));
  session.close();
  await until(() => heard.some(({ state }) => state === 'closed'));
  assert.deepEqual([...new Set(heard.map(({ functionId }) => functionId))], ['echo']);
  const opened = heard.find(({ state }) => state === 'opened');
  assert.ok(opened !== undefined && settings.some(({ id }) => id === opened.id));
  stop.abort();
  await listening;
  assert.ok(host.isDraining);
  await host.close();
  assert.equal(host.shards.live.length, 0, 'who closes it again waits too');
});

test('createHost that is not to begin rejects with the reason; one that can not, with a code', {
  timeout: 60_000,
}, async () => {
  await assert.rejects(createHost(config(), { signal: AbortSignal.abort(new Error('not today')) }), /not today/);
  await assert.rejects(
    createHost({ ...config(), port: 70_000 }),
    (error) => error instanceof TidegateError && error.code === 'TIDEGATE_E_CONFIG',
  );
});
