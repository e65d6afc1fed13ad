import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyEnded } from '../../src/client/connection-end.js';
import type { QuicCloseInfo } from '../../src/quic/engine.js';

test('why a connection ended is told in words', () => {
  const ended = (info: Partial<QuicCloseInfo>) =>
    whyEnded({ by: 'peer', application: false, code: 0, reason: '', ...info }).message;
  assert.equal(ended({ by: 'handshake-timeout', reason: 'handshake-timeout' }), 'nobody answered');
  assert.equal(ended({ by: 'idle-timeout' }), 'the server went silent');
  assert.equal(ended({ by: 'engine', code: 0x130 }), "the server's certificate is not trusted: unknown_ca");
  assert.equal(ended({ code: 0x128 }), 'the server broke the handshake off: handshake_failure');
  assert.equal(
    ended({ code: 0x178, reason: 'h3?' }),
    'the server broke the handshake off: no_application_protocol: h3?',
  );
  assert.equal(ended({ code: 0x1ff }), 'the server broke the handshake off: TLS alert 255');
  assert.equal(ended({ code: 2 }), 'the server takes no connection');
  assert.equal(ended({ code: 10 }), 'the server ended the connection, QUIC error 10');
  assert.equal(
    ended({ application: true, code: 0x107, reason: 'slow down' }),
    'the server closed the connection with code 0x107: slow down',
  );
});
