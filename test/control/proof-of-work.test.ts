import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { solve } from '../../src/client/proof.js';
import { fromBase64Url, toBase64Url } from '../../src/control/base64url.js';
import { proofText, zeroBits } from '../../src/control/proof-of-work.js';
import { sha256 } from '../../src/control/sha256.js';

const hash = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest();

test('sha256 is that of the platform', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 200]) {
    const bytes = Buffer.alloc(length, 7);
    assert.deepEqual(Buffer.from(sha256(bytes)), hash(bytes), `${length} bytes`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      assert.deepEqual(Buffer.from(sha256(bytes)), hash(bytes)),
    ),
  );
});

test('zero bits are counted from the front', () => {
  assert.equal(zeroBits(Uint8Array.of(0x80)), 0);
  assert.equal(zeroBits(Uint8Array.of(0, 0x10, 0xff)), 11);
  assert.equal(zeroBits(new Uint8Array(2)), 16);
});

test('a nonce is found that a host accepts, and a search can be ended', async () => {
  const nonce = await solve('challenge', 12, new AbortController().signal);
  assert.ok(nonce !== null && zeroBits(hash(proofText('challenge', nonce))) >= 12);
  const ended = AbortSignal.abort();
  assert.equal(await solve('challenge', 200, ended), null);
});

test('base64url there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = toBase64Url(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64url'));
      assert.deepEqual(fromBase64Url(text), bytes);
    }),
  );
});
