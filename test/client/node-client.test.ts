import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeClient } from '../../src/client/node-client.js';
import type { SessionHandler } from '../../src/http3/session.js';

test('an address that can not be reached is told at once', async (t) => {
  const client = await NodeClient.create({ insecure: true });
  t.after(() => client.close());
  for (const [url, reason] of [
    ['somewhere', /somewhere: it is no https URL/],
    ['http://127.0.0.1:4433/echo', /it is no https URL/],
    ['https://[::1]:4433/echo', /::1 has no IPv4 address/],
    [`https://${'x'.repeat(64)}.invalid/echo`, /getaddrinfo/],
  ] as const) {
    await assert.rejects(client.connect(url, {} as SessionHandler), { code: 'TIDEGATE_E_CONNECT', message: reason });
  }
});
