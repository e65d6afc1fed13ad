import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { dueOf, objectionAt, validityOf } from '../../../src/host/certificate/objections.js';
import { createSelfSigned } from '../../../src/host/certificate/self-signed.js';

const DAY = 86_400_000;

test('a certificate is objected to before it begins, after it ends, and when it should have been replaced', async () => {
  const begin = Date.parse('2026-03-01T00:00:00Z');
  const certificate = new X509Certificate((await createSelfSigned(['localhost'], new Date(begin))).certificate);
  const { from, to } = validityOf(certificate);
  assert.equal(from, begin);
  assert.equal(to, begin + 14 * DAY - 1000);
  // A third of its life.
  assert.ok(Math.abs(dueOf(certificate) - (14 / 3) * DAY) < 1000);

  const at = (days: number, due?: number) => objectionAt(begin + days * DAY, certificate, due);
  assert.deepEqual(at(-1), { isBad: true, reason: 'begins on 2026-03-01: clients refuse it, or the clock is wrong' });
  assert.equal(at(0), null);
  assert.equal(at(9), null);
  const soon = { isBad: false, reason: 'ends on 2026-03-14, and should have been replaced by now' };
  assert.deepEqual(at(10), soon);
  assert.equal(at(12, DAY), null);
  assert.deepEqual(at(13.5, DAY), soon);
  assert.deepEqual(at(15), { isBad: true, reason: 'ended on 2026-03-14: clients refuse it' });
});

test('a key that no browser takes in a handshake is objected to', () => {
  // openssl req -x509 -newkey ed25519 -days 36500
  const ed25519 = `-----BEGIN CERTIFICATE-----
MIIBLjCB4aADAgECAhRu7vz2Tr/76LidBO+qDmPXTxhSOzAFBgMrZXAwDDEKMAgG
A1UEAwwBZTAgFw0yNjExMjgwOTQxMTJaGA8yMTI2MTEwNDA5NDExMlowDDEKMAgG
A1UEAwwBZTAqMAUGAytlcAMhAGmLxmpYwz0/X4NNi3zfvI1EBK3vUwuY6VsxcxSZ
w3h8o1MwUTAdBgNVHQ4EFgQUld3o09F9bLFgRr1CXhTci2KpMPwwHwYDVR0jBBgw
FoAUld3o09F9bLFgRr1CXhTci2KpMPwwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD
QQAq89pGwd8fqqqMQi6eyimJ5O4vSCZx4MGRgYgjtH7nqhtn4DDPJ42E4oDK22FM
VoxwMXM7dmJZJvtC0WVZqgwP
-----END CERTIFICATE-----`;
  assert.match(
    objectionAt(Date.parse('2027-01-01'), new X509Certificate(ed25519))?.reason ?? '',
    /has a key \(ed25519\) that browsers/,
  );
});
