import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromEnvironment, logLevel, mergeConfig } from '../../src/cli/options.js';
import { parseConfig } from '../../src/host/config.js';
import { canReusePort, shardCount } from '../../src/host/runtime-support.js';

test('an empty configuration is complete', () => {
  const config = parseConfig({});
  assert.equal(config.port, 4433);
  assert.equal(config.policy.rateLimitFactor, 4);
  assert.equal(config.handshakes.max, 1024);
});

test('what was checked is the same when it is checked again, so that it can be given to reload', () => {
  const limited = { in: { rate: 1e6 }, out: { packetRate: 100 } };
  for (const input of [
    {},
    { capacity: limited, functions: { f: { endpoint: 'echo', ...limited, promise: { rateLimit: 1e5 } } } },
    { identity: { jwt: { keys: 'k.json', audience: 'a' } }, shards: { min: 1, max: 2 }, training: { enabled: false } },
    {
      clientFunctions: { most: 2, endpoints: true },
      endpoints: { allow: ['a.example'] },
      tenants: { t: { weight: 2 } },
    },
  ]) {
    const config = parseConfig(input);
    assert.deepEqual(parseConfig(config), config);
  }
});

test('errors name key, value and what is wrong', () => {
  assert.throws(() => parseConfig({ port: 70_000 }), /port is 70000: .*65535/);
  assert.throws(() => parseConfig({ policy: { rateLimitFactor: -1 } }), /policy\.rateLimitFactor is -1/);
  assert.throws(() => parseConfig({ prot: 1 }), /unknown key prot; known are host, port/);
  assert.throws(() => parseConfig({ engine: 'x' }), /engine is "x"/);
  assert.throws(
    () => parseConfig({ tenants: { a: { weigth: 1 } } }),
    /unknown key tenants\.a\.weigth; known are weight$/,
  );
  assert.throws(() => parseConfig({ memoryBudget: '1GB' }), /memoryBudget is "1GB": it has to be a number.*bytes/);
  assert.throws(() => parseConfig({ store: 'valky://me:hush@host' }), /store is "valky:\/\/…@host"/);
  assert.throws(
    () => parseConfig({ endpoints: { secret: 'hush' } }),
    ({ message }: Error) => !message.includes('hush'),
  );
  assert.throws(() => parseConfig({ cert: 'a.pem' }), /cert is set alone.*together/s);
});

test('functions of the package that are not there have no limits, and nobody may name them', () => {
  const builtIn: [] = [];
  assert.throws(
    () => parseConfig({ builtIn, functions: { echo: { weight: 2 } } }),
    /functions\.echo has no endpoint.*none/,
  );
  assert.throws(() => parseConfig({ builtIn, clientFunctions: { functions: ['sink'] } }), /names sink, which is none/);
  parseConfig({ builtIn, functions: { echo: { endpoint: 'echo' } }, clientFunctions: { functions: ['echo'] } });
});

test('what would mean nothing is refused', () => {
  for (const entry of ['*', 'https://a.example/', 'a.example', 'https://a.example:443', 'https://*.a.example']) {
    assert.throws(() => parseConfig({ allowedOrigins: [entry] }), /allowedOrigins\.0 is .* origin as browsers send it/);
  }
  parseConfig({
    allowedOrigins: ['https://a.example', 'http://localhost:8080', 'https://[::1]:8', 'null', 'chrome-extension://abc'],
  });
  for (const entry of ['https://a.example', 'a.example/path', '*', '*.a.example:1', 'http://*.a.example']) {
    assert.throws(() => parseConfig({ endpoints: { allow: [entry] } }), /endpoints\.allow\.0 is/);
  }
  parseConfig({
    endpoints: { allow: ['a.example', 'a:8', '*.a.example', 'http://localhost:8', '[::1]:8', '127.0.0.1'] },
  });
  for (const entry of ['10.0.0.0/33', '::/129', '10.0.0', '300.1.1.1', '10.0.0.0/8/8', '']) {
    assert.throws(() => parseConfig({ endpoints: { allowRanges: [entry] } }), /endpoints\.allowRanges\.0 is/);
  }
  parseConfig({ endpoints: { allowRanges: ['10.0.0.0/8', '::1', 'fd00::/8'] } });
  for (const store of ['valkey://', 'valkey://:6379', 'valkey://h:99999', 'valkey://h/abc', 'valkey://a b', 'lmbd']) {
    assert.throws(() => parseConfig({ store }), /store is .* lmdb, memory, or valkey:/);
  }
  for (const store of ['valkey://h', 'valkeys://u:p@h:1/2', 'redis://[::1]:6379/', 'memory']) parseConfig({ store });
  assert.throws(() => parseConfig({ host: 'localhost' }), /host is "localhost": it has to be an IP address/);
  parseConfig({ host: '::' });
  assert.throws(() => parseConfig({ policy: { minRateLimit: 2, maxRateLimit: 1 } }), /minRateLimit is above/);
  assert.throws(() => parseConfig({ policy: { minBufferSize: 2, maxBufferSize: 1 } }), /minBufferSize is above/);
});

test('what a function without an endpoint that is invoked would not heed is refused', () => {
  const seal = { from: 0 } as const;
  assert.throws(
    () => parseConfig({ functions: { echo: { seal } } }),
    /functions\.echo\.seal has no effect: echo takes/,
  );
  assert.throws(() => parseConfig({ functions: { pair: { endpoint: 'peer', seal } } }), /functions\.pair\.seal has no/);
  const variants = { streaming: 'sink' };
  assert.throws(() => parseConfig({ functions: { source: { variants } } }), /functions\.source\.variants has no/);
  parseConfig({ functions: { echo: { endpoint: 'echo', seal, variants }, pair: { endpoint: 'peer', weight: 2 } } });
});

test('flags go before variables, variables before the file', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'config.json');
  writeFileSync(file, JSON.stringify({ port: 1, adminPort: 2, host: '::1' }));
  const merged = mergeConfig({ port: 3, host: undefined }, { TIDEGATE_ADMIN_PORT: '4', TIDEGATE_PORT: '5' }, file);
  assert.deepEqual([merged.port, merged.adminPort, merged.host], [3, 4, '::1']);
});

test('variables: unknown ones are named, structured ones are JSON', () => {
  assert.throws(() => fromEnvironment({ TIDEGATE_PROT: '1' }), /unknown variable TIDEGATE_PROT.*TIDEGATE_PORT/);
  assert.deepEqual(
    fromEnvironment({ TIDEGATE_POLICY: '{"minBurst":5}', TIDEGATE_TCP: 'false', TIDEGATE_LOG: 'debug' }),
    {
      policy: { minBurst: 5 },
      tcp: false,
    },
  );
});

test('a variable that is empty is none', () => {
  assert.deepEqual(mergeConfig({}, { TIDEGATE_CONFIG: '' }, undefined), {});
  assert.deepEqual(fromEnvironment({ TIDEGATE_PORT: '', TIDEGATE_PROT: '', TIDEGATE_TICK: '2' }), { tick: 2 });
});

test('the level of the log is one that there is', () => {
  assert.equal(logLevel({}), 'info');
  assert.equal(logLevel({ TIDEGATE_LOG: '' }), 'info');
  assert.equal(logLevel({ TIDEGATE_LOG: 'DEBUG' }), 'debug');
  assert.throws(
    () => logLevel({ TIDEGATE_LOG: 'verbose' }),
    /TIDEGATE_LOG is verbose: it has to be one of trace, debug/,
  );
});

test('a config file that is none says so', () => {
  assert.throws(() => mergeConfig({}, {}, '/nowhere.json'), /can't use the config file \/nowhere\.json/);
});

test('a config file may name its schema, and begin with the mark of an editor', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'config.json');
  writeFileSync(file, '\uFEFF{ "$schema": "./schema.json", "port": 1 }');
  assert.deepEqual(mergeConfig({}, {}, file), { port: 1 });
});

test('shards: as many as the runtime can have on one port', () => {
  assert.equal(canReusePort('20.20.2', 'linux'), false);
  assert.equal(canReusePort('22.11.0', 'linux'), false);
  assert.equal(canReusePort('22.12.0', 'linux'), true);
  assert.equal(canReusePort('23.0.0', 'linux'), false);
  assert.equal(canReusePort('24.1.0', 'linux'), true);
  assert.equal(canReusePort('24.1.0', 'win32'), false);
  assert.deepEqual(shardCount(4, true), { shards: 4, most: 4, wanted: 4, note: null });
  assert.deepEqual(shardCount({ min: 2, max: 6 }, true), { shards: 2, most: 6, wanted: 6, note: null });
  const alone = shardCount({ min: 1, max: 4 }, false);
  assert.deepEqual([alone.shards, alone.most, alone.wanted], [1, 1, 4], 'it says what it would do');
  assert.match(shardCount(4, false).note ?? '', /one shard/);
  assert.deepEqual(shardCount(1, false), { shards: 1, most: 1, wanted: 1, note: null });
});
