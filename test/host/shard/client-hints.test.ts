import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintsOf } from '../../../src/host/shard/client-hints.js';

test('of a client’s program its product names are told, without versions', () => {
  const chrome =
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';
  assert.equal(hintsOf(chrome), 'AppleWebKit Chrome Mozilla Safari');
  assert.equal(hintsOf('deno/2.1 deno/2.1'), 'deno');
  assert.equal(hintsOf('none'), '');
  assert.equal(hintsOf(undefined), '');
});

test('a long one is read no further than programs go: 16 KB of letters took a shard 0.4 s', () => {
  assert.equal(hintsOf(`first/1 ${'a'.repeat(16_000)} last/1`), 'first');
});
