import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type * as Client from '../../src/client/index.js';
import type { TellableSettings } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { sealIdentities } from '../../src/host/keys.js';
import type { SessionDetail } from '../../src/host/session-details.js';
import { ChromiumPage, noChromium } from '../support/chromium.js';
import { moduleOf } from '../support/function-host.js';
import { HostProcess } from '../support/host-process.js';

const options = { skip: noChromium, timeout: 90_000 };
const config: HostConfigInput = {
  tick: 0.2,
  functions: { greet: { endpoint: moduleOf('greeter') }, sealed: { endpoint: moduleOf('greeter'), seal: { from: 0 } } },
  security: { halfLife: 2, hold: 0.3, workBits: 10 },
};
const hosts: HostProcess[] = [];
let chromium: ChromiumPage;

async function start(args: string[] = [], folder?: string): Promise<HostProcess> {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'c.json');
  writeFileSync(file, JSON.stringify(config));
  const host = await HostProcess.start(['--config', file, ...args], folder === undefined ? {} : { folder });
  hosts.push(host);
  return host;
}

before(async () => {
  if (noChromium === false) chromium = await ChromiumPage.open();
});

after(async () => {
  await chromium?.close();
  for (const host of hosts) await host.dispose();
});

interface Visit {
  settings: TellableSettings;
  answer: string;
}

/** Opens `greet` in the page, sends for a while, and leaves. */
async function visit(host: HostProcess): Promise<Visit> {
  return await chromium.page.evaluate(
    async ([url, hash]) => {
      const path = '/src/client/index.js';
      const { FunctionSession } = (await import(path)) as typeof Client;
      const session = await FunctionSession.open(`${url}/greet`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      const { settings } = session;
      const answer = new TextDecoder().decode(await session.request(new TextEncoder().encode('hello')));
      for (let i = 0; i < 12; i++) {
        await session.request(new Uint8Array(30_000).fill(97));
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      session.close();
      return { settings, answer };
    },
    [host.url, host.hashBytes] as const,
  );
}

test(
  'Chromium: the second time a function is opened its socket is set up better, after a restart too',
  options,
  async () => {
    const host = await start();
    const first = await visit(host);
    assert.equal(JSON.parse(first.answer).said[0], 'hello');
    await host.metricIs('tidegate_sessions', 0);
    const second = await visit(host);
    const isBetter = (settings: TellableSettings) =>
      settings.rateLimit > first.settings.rateLimit * 1.1 && settings.bufferSize > first.settings.bufferSize * 1.1;
    assert.ok(isBetter(second.settings), `${JSON.stringify(first.settings)} ${JSON.stringify(second.settings)}`);
    assert.equal(JSON.parse(second.answer).seen, 1);
    await host.metricIs('tidegate_sessions', 0);
    await host.stop();
    const { port } = new URL(host.url);
    const again = await start(['--port', port], host.folder);
    const third = await visit(again);
    assert.ok(isBetter(third.settings), JSON.stringify(third.settings));
    assert.equal(JSON.parse(third.answer).seen, 2);
  },
);

test('Chromium: a challenge is answered, and the level comes back down', options, async () => {
  const host = await start();
  const seen = await chromium.page.evaluate(
    async ([url, hash]) => {
      const path = '/src/client/index.js';
      const { FunctionSession } = (await import(path)) as typeof Client;
      const session = await FunctionSession.open(`${url}/greet`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      const levels: number[] = [];
      session.on('settings', ({ settings }) => levels.push(settings.securityLevel));
      const passed = new Promise((resolve) => session.on('passed', resolve));
      for (let i = 0; i < 5; i++) await session.define({ id: 'x', endpoint: { function: 'no' } }).catch(() => {});
      await passed;
      while (levels.at(-1) !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
      session.close();
      return levels;
    },
    [host.url, host.hashBytes] as const,
  );
  assert.ok(seen.includes(2), `${seen}`);
  assert.equal(
    await host.metric('tidegate_level_changes_total'),
    (await levelChanges(host)).reduce((a, b) => a + b, 0),
  );
});

async function levelChanges(host: HostProcess): Promise<number[]> {
  const metrics = await host.admin<string>('/metrics');
  return [...metrics.matchAll(/^tidegate_level_changes_total\{to="\d"\} (\d+)$/gm)].map(([, count]) => Number(count));
}

test('Chromium: messages sealed to the host, by the platform’s own cryptography', options, async () => {
  const host = await start();
  const pins = { hosts: await sealIdentities(join(host.folder, 'data', 'keys.json')) };
  const answer = await chromium.page.evaluate(
    async ([url, hash, known]) => {
      const path = '/src/client/index.js';
      const { FunctionSession } = (await import(path)) as typeof Client;
      const session = await FunctionSession.open(`${url}/sealed`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
        pins: known as Client.SealPins,
      });
      const said = new TextDecoder().decode(await session.request(new TextEncoder().encode('secret')));
      session.close();
      return said;
    },
    [host.url, host.hashBytes, pins] as const,
  );
  assert.deepEqual([JSON.parse(answer).said, JSON.parse(answer).sealedTo], [['secret'], 'host']);
  const [detail] = await host.admin<SessionDetail[]>('/sessions');
  assert.ok(detail === undefined || detail.function === 'sealed');
});
