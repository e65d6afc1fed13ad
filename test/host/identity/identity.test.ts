import assert from 'node:assert/strict';
import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CryptoKey, exportJWK, exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, SignJWT } from 'jose';
import { createSelfSigned } from '../../../src/host/certificate/self-signed.js';
import { hostConfigSchema } from '../../../src/host/config.js';
import { AnonymousTokens } from '../../../src/host/identity/anonymous-token.js';
import { createIdentifier } from '../../../src/host/identity/create-identifier.js';
import { Identifier, type IdentifierParts } from '../../../src/host/identity/identifier.js';
import { type JwtOptions, JwtVerifier } from '../../../src/host/identity/jwt-verifier.js';
import { Pseudonyms } from '../../../src/host/identity/pseudonyms.js';
import { UsedTokens } from '../../../src/host/identity/used-tokens.js';
import { loadKeys } from '../../../src/host/keys.js';
import type { TidegateError } from '../../../src/quic/errors.js';
import { until } from '../../support/client.js';
import { noRedis, RedisServer } from '../../support/redis.js';

const DAY = 86_400_000;
const key = (byte: number) => Buffer.alloc(32, byte);
const pseudonyms = new Pseudonyms([
  { version: 1, key: key(1) },
  { version: 0, key: key(0) },
]);
const folder = mkdtempSync(join(tmpdir(), 'tidegate-identity-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

interface Signer {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

async function signer(kid: string): Promise<Signer> {
  return { kid, ...(await generateKeyPair('ES256', { extractable: true })) };
}

async function jwks(...signers: Signer[]): Promise<string> {
  const keys = await Promise.all(
    signers.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg: 'ES256' })),
  );
  return JSON.stringify({ keys });
}

async function jwt({ kid, privateKey }: Signer, claims: Record<string, unknown> = {}, expires = '5m'): Promise<string> {
  const token = new SignJWT({ sub: 'ann', aud: 'tidegate', iss: 'me', ...claims }).setProtectedHeader({
    alg: 'ES256',
    kid,
  });
  return await token.setIssuedAt().setExpirationTime(expires).sign(privateKey);
}

async function verifier(keys: string, options: Partial<JwtOptions> = {}): Promise<JwtVerifier> {
  const used = new UsedTokens('memory', () => {});
  return await JwtVerifier.create({ keys, audience: 'tidegate', clockTolerance: 5, once: false, ...options }, used);
}

let files = 0;
function file(text: string): string {
  const path = join(folder, `${files++}.keys`);
  writeFileSync(path, text);
  return path;
}

test('a JWT of a known key says who a client is', async () => {
  const ann = await signer('a');
  const checked = await verifier(file(await jwks(ann)), { issuer: 'me' });
  const verified = await checked.verify(await jwt(ann, { tenant: 'gold' }));
  assert.ok(!('problem' in verified));
  assert.deepEqual([verified.subject, verified.tenant], ['me\0ann', 'gold']);
  const pem = await verifier(file(await exportSPKI(ann.publicKey)));
  assert.ok(!('problem' in (await pem.verify(await jwt(ann)))));
});

test('a JWT answers a challenge where it is the client’s and fresh, and is not held against it where nobody can tell', async () => {
  const [ann, bob] = [await signer('a'), await signer('a')];
  const before = new Pseudonyms([{ version: 0, key: key(0) }]);
  const knowing = async (keys: string) => identifier({ jwt: await verifier(keys) });
  const here = await knowing(file(await jwks(ann)));
  const credentials = { peer: '192.0.2.1', path: '/f', jwt: await jwt(ann) };
  const now = Date.now();
  const client = pseudonyms.of('jwt\0me\0ann');
  assert.equal(await here.judge(credentials, client, now), 'fresh');
  assert.equal(await here.judge(credentials, before.of('jwt\0me\0ann'), now), 'fresh', 'named by an older key');
  assert.equal(await here.judge(credentials, client, now + 5000), 'wrong', 'it is older than the question');
  assert.equal(await here.judge(credentials, pseudonyms.of('jwt\0me\0eve'), now), 'wrong', 'another client');
  assert.equal(await here.judge({ ...credentials, jwt: await jwt(bob) }, client, now), 'wrong', 'forged');
  assert.equal(await here.judge({ ...credentials, jwt: undefined }, client, now), 'wrong', 'none');
  const away = await knowing('http://127.0.0.1:1/jwks');
  assert.equal(await away.judge(credentials, client, now), 'unavailable');
});

test('a JWT that is forged, expired, for somebody else, unsigned or no JWT is none', async () => {
  const [ann, mallory] = [await signer('a'), await signer('a')];
  const checked = await verifier(file(await jwks(ann)), { issuer: 'me' });
  const problem = async (token: string) => {
    const verified = await checked.verify(token);
    return 'problem' in verified ? verified.problem : null;
  };
  const good = await jwt(ann);
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
  const shared = new SignJWT({ sub: 'ann', aud: 'tidegate', iss: 'me' }).setProtectedHeader({ alg: 'HS256' });
  const confused = await shared.setExpirationTime('5m').sign(Buffer.from(await exportSPKI(ann.publicKey)));
  assert.equal(await problem(good), null);
  assert.equal(await problem(await jwt(mallory)), 'jwt-invalid');
  assert.equal(await problem(await jwt(ann, {}, '-1m')), 'jwt-expired');
  assert.equal(await problem(await jwt(ann, { aud: 'others' })), 'jwt-invalid');
  assert.equal(await problem(await jwt(ann, { iss: 'others' })), 'jwt-invalid');
  assert.equal(await problem(await jwt(ann, { sub: undefined })), 'jwt-invalid');
  for (const text of [unsigned, confused, 'a.b.c', '', 'x'.repeat(10_000)]) {
    assert.equal(await problem(text), 'jwt-invalid', text.slice(0, 40));
  }
});

test('a JWT of another algorithm than the key is a forgery, and does not mean that the keys are away', async () => {
  const ann = await signer('a');
  const { privateKey } = await generateKeyPair('RS256');
  const { privateKey: larger } = await generateKeyPair('ES384');
  const claims = (alg: string) =>
    new SignJWT({ sub: 'ann', aud: 'tidegate' }).setProtectedHeader({ alg }).setExpirationTime('5m');
  const tokens = [await claims('RS256').sign(privateKey), await claims('ES384').sign(larger)];
  for (const keys of [await exportSPKI(ann.publicKey), await jwks(ann)]) {
    const checked = await verifier(file(keys));
    for (const token of tokens) {
      const verified = await checked.verify(token);
      assert.equal('problem' in verified && verified.problem, 'jwt-invalid');
    }
  }
});

test('keys by which nobody could be told are refused', async () => {
  const ann = await signer('a');
  const secret = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url') };
  for (const [text, reason] of [
    ['garbage', /JSON/],
    [JSON.stringify({ keys: [] }), /no public key/],
    [JSON.stringify({ keys: [secret] }), /no public key/],
    [JSON.stringify({ keys: [await exportJWK(ann.privateKey)] }), /private key/],
    [await exportPKCS8(ann.privateKey), /private key/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /identity\.jwt\.keys is/],
  ] as const) {
    await assert.rejects(verifier(file(text)), (error: TidegateError) => {
      assert.match(error.message, reason);
      return error.code === 'TIDEGATE_E_CONFIG';
    });
  }
  await assert.rejects(verifier('http://keys.example/jwks'), /plain HTTP/);
  // As a provider of identities gives it: with a key of its own for encryption, and one that is shared.
  const mixed = JSON.stringify({ keys: [secret, ...(JSON.parse(await jwks(ann)) as { keys: object[] }).keys] });
  assert.ok(!('problem' in (await (await verifier(file(mixed))).verify(await jwt(ann)))));
});

test('a certificate is as good as its key; of keys without a name each is tried', async () => {
  const pair = await createSelfSigned(['localhost'], new Date());
  const privateKey = (await importPKCS8(pair.privateKey, 'ES256')) as CryptoKey;
  const ofCertificate = await verifier(file(pair.certificate));
  assert.ok(!('problem' in (await ofCertificate.verify(await jwt({ kid: 'c', privateKey, publicKey: privateKey })))));

  const [ann, bob, eve] = [await signer('a'), await signer('b'), await signer('c')];
  const keys = [await exportJWK(ann.publicKey), await exportJWK(bob.publicKey)];
  const checked = await verifier(file(JSON.stringify({ keys })));
  const verdict = async ({ privateKey }: Signer, expires = '5m') => {
    const token = new SignJWT({ sub: 'x', aud: 'tidegate' }).setProtectedHeader({ alg: 'ES256' });
    const verified = await checked.verify(await token.setExpirationTime(expires).sign(privateKey));
    return 'problem' in verified ? verified.problem : null;
  };
  assert.deepEqual(
    [await verdict(ann), await verdict(bob), await verdict(eve), await verdict(bob, '-1m')],
    [null, null, 'jwt-invalid', 'jwt-expired'],
  );
});

test('a JWT that opens one session only is refused the second time', async () => {
  const ann = await signer('a');
  const checked = await verifier(file(await jwks(ann)), { once: true });
  const token = await jwt(ann, { jti: 'one' });
  assert.ok(!('problem' in (await checked.verify(token))));
  assert.deepEqual(await checked.verify(token), { problem: 'jwt-replayed', detail: 'it was used before' });
  const reloaded = await JwtVerifier.create(checked.options, checked.used);
  assert.deepEqual(await reloaded.verify(token), { problem: 'jwt-replayed', detail: 'it was used before' });
  const without = await checked.verify(await jwt(ann));
  assert.equal('problem' in without && without.problem, 'jwt-invalid', 'it has to have a number');
});

test('a JWT that opens one session only opens one of all hosts that share a store, and one of each while that is away', {
  skip: noRedis,
  timeout: 30_000,
}, async (t) => {
  const server = await RedisServer.start();
  const said: string[] = [];
  const make = () => new UsedTokens(server.url, (_level, message) => said.push(message));
  const hosts = [make(), make(), make()];
  t.after(async () => {
    for (const host of hosts) await host.close();
    await server.down();
  });
  const now = Date.now();
  const uses = async (token: string) => await Promise.all(hosts.map((host) => host.use(token, now + 60_000, now)));
  assert.deepEqual((await uses('one')).sort(), [false, false, true]);
  // One that is started again.
  const again = make();
  hosts.push(again);
  assert.equal(await again.use('one', now + 60_000, now), false);
  await server.down();
  assert.deepEqual(await uses('two'), [true, true, true, true]);
  assert.deepEqual(await uses('two'), [false, false, false, false]);
  assert.equal(said.length, 4);
  await server.up();
  await until(async () => !(await uses(`${Math.random()}`)).every(Boolean), 10_000, 'them to be shared again');
});

test('keys at an address are followed as they rotate; one that is down is no forgery', async () => {
  const [first, second] = [await signer('a'), await signer('b')];
  let keys = await jwks(first);
  const server = createServer((_request, response) => response.end(keys));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const checked = await verifier(url);
  assert.ok(!('problem' in (await checked.verify(await jwt(first)))));
  keys = await jwks(first, second);
  const fresh = await verifier(url);
  assert.ok(!('problem' in (await fresh.verify(await jwt(second)))));
  const gone = await verifier('http://127.0.0.1:9/jwks');
  const verified = await gone.verify(await jwt(first));
  assert.equal('problem' in verified && verified.problem, 'jwks-unavailable');
  await assert.rejects(verifier('/nowhere/keys'), { code: 'TIDEGATE_E_CONFIG' });
  await assert.rejects(verifier(file('{"keys":1}')), { code: 'TIDEGATE_E_CONFIG' });
});

test('anonymous tokens: of who has them, for as long as they are good, under an older key too', () => {
  const now = 1000 * DAY;
  const old = new AnonymousTokens([key(1)], 30);
  const tokens = new AnonymousTokens([key(2), key(1)], 30);
  const token = tokens.issue(now);
  const read = tokens.read(token, now);
  assert.ok('id' in read);
  assert.notEqual(tokens.issue(now), token, 'each is another client');
  assert.deepEqual(tokens.read(tokens.issue(now + DAY, read.id), now + DAY), read, 'today’s date, the same client');
  assert.ok('id' in tokens.read(old.issue(now), now), 'an older key is understood');
  assert.deepEqual(old.read(token, now), { problem: 'token-invalid' });
  assert.deepEqual(tokens.read(token, now + 31 * DAY), { problem: 'token-expired' });
  assert.deepEqual(tokens.read(token, now - 3 * DAY), { problem: 'token-expired' }, 'of the future');
  for (const text of ['', 'x', token.slice(1), `${token}A`, `${token.slice(0, -2)}AA`, '!'.repeat(48)]) {
    assert.deepEqual(tokens.read(text, now), { problem: 'token-invalid' }, text);
  }
});

function identifier(parts: Partial<IdentifierParts> = {}): Identifier {
  const tokens = new AnonymousTokens([key(9)], 30);
  return new Identifier({ pseudonyms, tokens, jwt: null, isJwtRequired: false, hook: null, ...parts });
}

const from = (path: string, peer = '192.0.2.7') => ({ peer, path });

test('who a client is: JWT, then hook, then token, then address', async () => {
  const ann = await signer('a');
  const hook = async ({ path }: { path: string }) => (path.includes('hooked') ? 'bob' : null);
  const all = identifier({ jwt: await verifier(file(await jwks(ann))), hook });
  const by = async (path: string) => {
    const identity = await all.identify(from(path));
    return identity.client === null ? identity.problem : identity.by;
  };
  const token = all.issue()?.token;
  assert.equal(await by(`/f?jwt=${await jwt(ann)}&token=${token}&hooked=1`), 'jwt');
  assert.equal(await by(`/f?token=${token}&hooked=1`), 'hook');
  assert.equal(await by(`/f?token=${token}`), 'token');
  assert.equal(await by('/f'), 'address');
  assert.equal(await by('/f?jwt=forged&hooked=1'), 'jwt-invalid', 'what is forged is not passed over');
  const first = await all.identify({ ...from(`/f?token=${token}`), jwt: await jwt(ann) });
  assert.equal(first.client !== null && first.by, 'jwt', 'the first control message counts before the address');
});

test('names of addresses part clients of one network, and are nobody else’s elsewhere', async () => {
  const one = identifier({ tokens: null });
  const client = async (path: string, peer?: string) => (await one.identify(from(path, peer))).client;
  assert.equal(await client('/f'), await client('/g', '192.0.2.200'), 'a prefix is one client');
  assert.notEqual(await client('/f?client=a'), await client('/f?client=b'));
  assert.notEqual(await client('/f?client=a'), await client('/f?client=a', '198.51.100.1'));
});

test('a hook that throws, hangs or answers rubbish counts for nothing, and that is told', async () => {
  const hooks: [() => string | Promise<string>, RegExp][] = [
    [
      () => {
        throw new Error('broken');
      },
      /^broken$/,
    ],
    [async () => await Promise.reject(new Error('broken later')), /^broken later$/],
    [() => 7 as unknown as string, /it answered number, not a name or null/],
    [() => undefined as unknown as string, /it answered undefined/],
    [() => '', /an empty name/],
    [() => new Promise<string>(() => {}), /did not answer within 2000 ms/],
  ];
  for (const [hook, reason] of hooks) {
    const faults: Error[] = [];
    const onHookFault = (error: unknown): void => void faults.push(error as Error);
    const identity = await identifier({ hook, onHookFault }).identify(from('/f'));
    assert.deepEqual([identity.client !== null && identity.by, identity.problem], ['address', 'hook-failed']);
    assert.equal(faults.length, 1);
    assert.match(faults[0].message, reason);
  }
});

test('a hook that changed is another after a reload', async () => {
  const path = join(folder, 'hook.mjs');
  const { identity } = hostConfigSchema.parse({ identity: { hook: path } });
  const keys = await loadKeys(join(folder, 'keys.json'));
  const clients: (string | null)[] = [];
  for (const [seconds, name] of ['ann', 'bob', 'ann'].entries()) {
    writeFileSync(path, `export default () => '${name}';\n`);
    utimesSync(path, seconds + 1, seconds + 1);
    clients.push((await (await createIdentifier(identity, keys)).identify(from('/f'))).client);
  }
  assert.notEqual(clients[0], clients[1]);
  assert.equal(clients[0], clients[2]);
});

test('a JWKS that is down lets clients in by the next best way, unless JWTs are required', async () => {
  const ann = await signer('a');
  const away = await verifier('http://127.0.0.1:9/jwks');
  const path = `/f?jwt=${await jwt(ann)}`;
  const open = await identifier({ jwt: away }).identify(from(path));
  assert.deepEqual([open.client !== null && open.by, open.problem], ['address', 'jwks-unavailable']);
  const strict = identifier({ jwt: away, isJwtRequired: true });
  assert.equal((await strict.identify(from(path))).client, null);
  assert.equal((await strict.identify(from('/f'))).problem, 'jwt-required');
});

test('pseudonyms rotate: the older name is told beside the new one', async () => {
  const identity = await identifier().identify(from('/f'));
  assert.ok(identity.client !== null);
  const before = new Identifier({ ...identifier().parts, pseudonyms: new Pseudonyms([{ version: 0, key: key(0) }]) });
  assert.deepEqual(identity.older, [(await before.identify(from('/f'))).client]);
  assert.match(identity.client, /^[\w-]{22}$/);
});

test('what people call a client leads to all of its names', async () => {
  const one = identifier();
  const { client, older } = (await one.identify(from('/f?client=x'))) as { client: string; older: string[] };
  assert.deepEqual(one.namesOf('address:192.0.2.99|x'), [client, ...older]);
  const issued = one.issue();
  assert.deepEqual(one.namesOf(`token:${issued?.token}`)[0], issued?.client);
  assert.deepEqual(one.namesOf('token:forged'), []);
  assert.deepEqual(one.namesOf('Abc'), ['Abc']);
  assert.notDeepEqual(one.namesOf('sub:me|ann'), one.namesOf('sub:ann'));
});
