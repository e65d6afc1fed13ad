import assert from 'node:assert/strict';
import type { lookup } from 'node:dns/promises';
import { test } from 'node:test';
import { clientOptions } from '../../src/cli/load/load-options.js';

/** A resolver that knows one name. */
const knows = (...families: (4 | 6)[]): typeof lookup =>
  (async () => {
    if (families.length === 0) throw new Error('getaddrinfo ENOTFOUND');
    return families.map((family) => ({ family, address: family === 6 ? '::1' : '127.0.0.1' }));
  }) as unknown as typeof lookup;

const isOverIpv6 = async (url: string, resolve: typeof lookup): Promise<boolean | undefined> =>
  (await clientOptions(url, {}, resolve)).ipv6;

test('a name that has addresses of IPv6 alone is reached there, any other over IPv4', async () => {
  assert.equal(await isOverIpv6('https://host.test/echo', knows(6, 6)), true);
  assert.equal(await isOverIpv6('https://host.test/echo', knows(6, 4)), false);
  assert.equal(await isOverIpv6('https://host.test/echo', knows()), false, 'told of when it connects');
  assert.equal(await isOverIpv6('https://[::1]:4433/echo', knows()), true);
});

test('whom the clients trust, and what is no https URL', async () => {
  const options = await clientOptions('https://host.test/', { certificateHash: 'ab', insecure: true }, knows(4));
  assert.deepEqual(options, { certificateHashes: ['ab'], insecure: true, ipv6: false });
  await assert.rejects(clientOptions('http://host.test/', {}, knows(4)), { code: 'TIDEGATE_E_CONFIG' });
});
