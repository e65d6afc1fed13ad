import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { checkHashedCertificate } from '../../src/client/hashed-certificate.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';

const DAY = 86_400_000;

const made = async (name: string, from: number): Promise<{ der: Uint8Array; hash: string }> => {
  const { certificate } = await createSelfSigned([name], new Date(from));
  const der = new X509Certificate(certificate).raw;
  return { der, hash: createHash('sha256').update(der).digest('hex') };
};
const refused = { code: 'TIDEGATE_E_CERTIFICATE' };

test('a certificate passes by its hash, however that is written, for as long as it is valid', async () => {
  const now = Date.now();
  const { der, hash } = await made('a.example', now - DAY);
  checkHashedCertificate(der, [hash], now);
  checkHashedCertificate(der, ['00', hash.toUpperCase().replace(/..(?=.)/g, '$&:')], now);
  for (const then of [now - 2 * DAY, now + 30 * DAY]) {
    assert.throws(() => checkHashedCertificate(der, [hash], then), refused);
  }
  checkHashedCertificate(der, [hash], now);
});

test('another certificate than was promised is refused, also right behind one that passed', async () => {
  const now = Date.now();
  const [good, old] = [await made('a.example', now - DAY), await made('b.example', now - 60 * DAY)];
  checkHashedCertificate(good.der, [good.hash], now);
  assert.throws(() => checkHashedCertificate(old.der, [good.hash], now), { ...refused, message: new RegExp(old.hash) });
  assert.throws(() => checkHashedCertificate(old.der, [old.hash], now), refused);
  assert.throws(() => checkHashedCertificate(undefined, [good.hash], now), refused);
});
