import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostCertificate } from '../../../src/host/certificate/host-certificate.js';
import { createSelfSigned } from '../../../src/host/certificate/self-signed.js';
import { parseConfig } from '../../../src/host/config.js';
import { until } from '../../support/client.js';

const DAY = 86_400_000;

test('a given certificate that ends is told of once a day, and no more when another takes its place', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const [cert, key] = [join(dataDir, 'cert.pem'), join(dataDir, 'key.pem')];
  const put = async (from: number): Promise<void> => {
    const pair = await createSelfSigned(['localhost'], new Date(from));
    writeFileSync(cert, pair.certificate);
    writeFileSync(key, pair.privateKey);
  };
  const start = Date.now();
  let now = start;
  await put(start - 13 * DAY);
  const said: string[] = [];
  let changes = 0;
  const live = await HostCertificate.open(
    parseConfig({ dataDir, cert, key }),
    (level, message) => said.push(`${level} ${message}`),
    () => changes++,
    () => now,
  );
  t.after(() => live.close());
  assert.equal(said.length, 1);
  assert.match(said[0], /^error the certificate ends on .* should have been replaced/);
  live.look();
  assert.equal(said.length, 1);
  now += 2 * DAY;
  live.look();
  assert.equal(said.length, 2);
  assert.match(said[1], /^error the certificate ended on/);
  assert.match(live.problem ?? '', /^ended on/);

  await put(start);
  await until(() => changes === 1);
  live.look();
  assert.equal(said.length, 2);
  assert.equal(live.problem, null);
  assert.ok(live.notAfter > now + 10 * DAY);
});

test('one that the host makes for itself is told of only where it was not renewed', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const said: string[] = [];
  let now = Date.now();
  const live = await HostCertificate.open(
    parseConfig({ dataDir }),
    (_level, message) => said.push(message),
    () => {},
    () => now,
  );
  t.after(() => live.close());
  now += 12.5 * DAY;
  live.look();
  assert.deepEqual(said, []);
  now += DAY;
  live.look();
  assert.match(said.join(), /^the certificate ends on/);
});
