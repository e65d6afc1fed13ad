import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  certificateHash,
  FileCertificate,
  SelfSignedCertificate,
} from '../../src/host/certificate/certificate-source.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import { loadKeys, rotateKeys } from '../../src/host/keys.js';
import type { CertificatePair } from '../../src/host/shard/messages.js';
import { until } from '../support/client.js';

const DAY = 86_400_000;
const folder = () => mkdtempSync(join(tmpdir(), 'tidegate-'));
const fail = (error: Error) => {
  throw error;
};

test('keys: made once, the same afterwards, for the owner alone', async () => {
  const file = join(folder(), 'deep', 'keys.json');
  const [first, second] = await Promise.all([loadKeys(file), loadKeys(file)]);
  assert.deepEqual(first, second);
  assert.deepEqual(await loadKeys(file), first);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(first.shard.cid[0].key.length, 16);
  assert.notDeepEqual(first.shard.reset, first.pseudonyms[0].key);
});

test('keys: a damaged file is told of, not replaced', async () => {
  const file = join(folder(), 'keys.json');
  for (const text of [
    '{',
    '{"format":2,"keys":[]}',
    '{"format":1,"keys":[{"version":0,"createdAt":"2026-01-01T00:00:00Z","secret":"AAAA"}]}',
  ]) {
    writeFileSync(file, text);
    await assert.rejects(loadKeys(file), { code: 'TIDEGATE_E_KEYS' });
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});

test('keys: rotation keeps the old ones understood', async () => {
  const file = join(folder(), 'keys.json');
  const before = await loadKeys(file);
  const stored = JSON.parse(readFileSync(file, 'utf8'));
  stored.keys.unshift({
    version: 1,
    createdAt: new Date().toISOString(),
    secret: Buffer.alloc(32, 9).toString('base64'),
  });
  writeFileSync(file, JSON.stringify(stored));
  const after = await loadKeys(file);
  assert.deepEqual(after.shard.cid[1], before.shard.cid[0]);
  assert.deepEqual(after.shard.retry[1], before.shard.retry[0]);
  assert.equal(after.shard.cid[0].version, 1);
});

test('self-signed: ECDSA P-256, at most 14 days, for the names', async () => {
  const pair = await createSelfSigned(['localhost', '127.0.0.1', '::1'], new Date());
  const certificate = new X509Certificate(pair.certificate);
  assert.ok(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) <= 14 * DAY);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.match(certificate.subjectAltName ?? '', /localhost.*127\.0\.0\.1/);
});

test('self-signed: kept over restarts, renewed in time, the next hash known ahead', async () => {
  const dir = folder();
  let now = Date.now();
  const changes: CertificatePair[] = [];
  const open = () =>
    SelfSignedCertificate.open(
      dir,
      ['localhost'],
      (pair) => changes.push(pair),
      fail,
      () => now,
    );
  const source = await open();
  const first = source.current.certificate;
  assert.equal(source.nextHash, null);
  now += 9 * DAY;
  await source.reload();
  assert.equal(source.current.certificate, first);
  const next = source.nextHash;
  assert.ok(next);
  now += 3 * DAY;
  await source.reload();
  assert.equal(changes.length, 1);
  assert.equal(certificateHash(source.current.certificate), next);
  source.close();
  const again = await open();
  assert.equal(again.current.certificate, source.current.certificate);
  again.close();
  now += 100 * DAY;
  const late = await open();
  assert.ok(Date.parse(new X509Certificate(late.current.certificate).validTo) > now);
  late.close();
});

test('given files: followed, and a bad pair changes nothing', async () => {
  const dir = folder();
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const put = (pair: CertificatePair) => {
    writeFileSync(cert, pair.certificate);
    writeFileSync(key, pair.privateKey);
  };
  const [a, b] = [await createSelfSigned(['a'], new Date()), await createSelfSigned(['b'], new Date())];
  put(a);
  const changes: CertificatePair[] = [];
  const source = await FileCertificate.open(
    cert,
    key,
    (pair) => changes.push(pair),
    () => {},
  );
  put({ certificate: a.certificate, privateKey: b.privateKey });
  await assert.rejects(source.reload(), /do not belong together/);
  assert.equal(source.current.certificate, a.certificate);
  put(b);
  const end = Date.now() + 5000;
  while (changes.length === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(changes[0]?.certificate, b.certificate);
  source.close();
  await assert.rejects(
    FileCertificate.open(
      join(dir, 'none'),
      key,
      () => {},
      () => {},
    ),
    /can't read --cert .*none/,
  );
  writeFileSync(cert, 'not PEM');
  await assert.rejects(
    FileCertificate.open(
      cert,
      key,
      () => {},
      () => {},
    ),
    /not readable PEM/,
  );
});

test('given files: followed however often they are put in place of, and where links lead', async () => {
  const dir = folder();
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const pairs = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => await createSelfSigned([name], new Date())));
  const written = pairs.map(({ certificate, privateKey }, i) => {
    const at = join(dir, `${i}`);
    mkdirSync(at);
    writeFileSync(join(at, 'cert.pem'), certificate);
    writeFileSync(join(at, 'key.pem'), privateKey);
    return at;
  });
  // As certbot does: links that lead elsewhere after a renewal. And as editors do: a new file in place of the old.
  const inPlace = (make: (from: string, to: string) => void) => (i: number) => {
    for (const [file, name] of [
      [cert, 'cert.pem'],
      [key, 'key.pem'],
    ]) {
      make(join(written[i], name), `${file}.new`);
      renameSync(`${file}.new`, file);
    }
  };
  const [link, put] = [inPlace(symlinkSync), inPlace(copyFileSync)];
  link(0);
  const source = await FileCertificate.open(
    cert,
    key,
    () => {},
    () => {},
  );
  try {
    for (const [i, change] of [link, put, put].entries()) {
      change(i + 1);
      await until(() => source.current.certificate === pairs[i + 1].certificate);
    }
  } finally {
    source.close();
  }
});

test('keys: rotated ones are kept for as long as what they named may be', async () => {
  const file = join(folder(), 'keys.json');
  const first = await loadKeys(file);
  const now = Date.now();
  assert.equal(await rotateKeys(file, 100 * DAY, now), 2);
  const second = await loadKeys(file);
  assert.deepEqual(second.pseudonyms[1], first.pseudonyms[0]);
  assert.notEqual(second.pseudonyms[0].version, second.pseudonyms[1].version);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(await rotateKeys(file, 100 * DAY, now + 50 * DAY), 3);
  // The first one's successor is older than the retention: nobody is left under its names.
  assert.equal(await rotateKeys(file, 100 * DAY, now + 120 * DAY), 3);
  for (let i = 0; i < 4; i++) await rotateKeys(file, 100 * DAY, now + 121 * DAY);
  await assert.rejects(rotateKeys(file, 100 * DAY, now + 121 * DAY), { code: 'TIDEGATE_E_KEYS' });
});
