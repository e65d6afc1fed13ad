import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostTcpConnections } from '../../src/host/open-files.js';

test('TCP connections leave some of the files that may be open', () => {
  assert.equal(mostTcpConnections(1, 1024), 768);
  assert.equal(mostTcpConnections(4, 65_536), 16_320);
  assert.equal(mostTcpConnections(1, 100), 50);
  assert.equal(mostTcpConnections(2, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  assert.ok(mostTcpConnections(1) > 0);
});
