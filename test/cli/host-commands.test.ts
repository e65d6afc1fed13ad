import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import { TestClient } from '../support/client.js';
import { CLI, HostProcess } from '../support/host-process.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-commands-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const cli = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', timeout: 60_000 });

test('config print shows everything, check names what is wrong, schema is JSON Schema', () => {
  const file = join(folder, 'config.json');
  writeFileSync(file, '{"scaling": {"capacity": 500}}');
  const printed = cli('config', 'print', '--config', file, '--port', '4500');
  assert.equal(printed.status, 0, printed.stderr);
  const config = JSON.parse(printed.stdout);
  assert.equal(config.port, 4500);
  assert.equal(config.scaling.capacity, 500);
  assert.equal(config.alerts.perMinute, 10);
  assert.equal(cli('config', 'check', '--config', file).stdout, 'good\n');

  writeFileSync(file, '{"scaling": {"min": 5, "max": 2}}');
  const bounds = cli('config', 'check', '--config', file);
  assert.equal(bounds.status, 2);
  assert.match(bounds.stderr, /scaling.*min is above max/);
  writeFileSync(file, '{"alerts": {"webhook": "no address"}}');
  assert.match(cli('config', 'check', '--config', file).stderr, /alerts\.webhook is "no address"/);

  const schema = JSON.parse(cli('config', 'schema').stdout);
  assert.equal(schema.type, 'object');
  assert.ok('scaling' in schema.properties && 'functions' in schema.properties);
});

test('a pseudonym that begins with a dash is no option', () => {
  const dataDir = join(folder, 'dash');
  const { status, stdout, stderr } = cli(
    'profile',
    'export',
    '-eM56CsGWfu07B--O4vvWx',
    '--data-dir',
    dataDir,
    '--json',
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /-eM56CsGWfu07B--O4vvWx/);
});

test('doctor finds what is in the way, and says how to mend it', async (t) => {
  const fine = cli('doctor', '--data-dir', join(folder, 'data'), '--port', '0', '--admin-port', '0');
  assert.equal(fine.status, 0, fine.stdout + fine.stderr);
  assert.match(fine.stdout, /^good +Node/m);
  assert.match(fine.stdout, /^good +model +onnxruntime loads it/m);

  const old = await createSelfSigned(['localhost'], new Date('2026-01-01'));
  writeFileSync(join(folder, 'old.pem'), old.certificate);
  writeFileSync(join(folder, 'old.json'), JSON.stringify({ cert: join(folder, 'old.pem'), key: 'any' }));
  const ended = cli('doctor', '--data-dir', join(folder, 'data'), '--config', join(folder, 'old.json'), '--port', '0');
  assert.match(ended.stdout, /^BAD +certificate +CN=Tidegate: it ended on 2026-01-14/m);

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const broken = join(folder, 'broken.pem');
  writeFileSync(broken, 'no certificate');
  const config = join(folder, 'doctor.json');
  writeFileSync(config, JSON.stringify({ cert: broken, key: broken }));
  const args = [
    '--data-dir',
    join(broken, 'data'),
    '--port',
    '0',
    '--admin-port',
    String(port),
    '--config',
    config,
    '--json',
  ];
  // What listens is in this process: the child must not be waited for in a way that blocks it.
  const child = spawn(process.execPath, [CLI, 'doctor', ...args]);
  let text = '';
  child.stdout.on('data', (part) => {
    text += part;
  });
  const [status] = await once(child, 'exit');
  assert.equal(status, 1);
  const findings = JSON.parse(text) as { check: string; is: string; mend?: string }[];
  const bad = findings.filter(({ is }) => is === 'bad');
  assert.deepEqual(bad.map(({ check }) => check).sort(), ['admin port', 'certificate', 'data folder']);
  assert.ok(bad.every(({ mend }) => mend !== undefined));
});

test('demo serves clients of several kinds, and steps up the one that drips', { timeout: 90_000 }, async () => {
  const child = spawn(process.execPath, [CLI, 'demo', '--data-dir', join(folder, 'demo'), '--seconds', '45'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (part) => {
    text += part;
  });
  const [status] = await once(child, 'exit');
  assert.equal(status, 0, text);
  assert.match(text, /dashboard {3}http:\/\/127\.0\.0\.1:\d+\//);
  assert.match(text, /goes from level 0 to 1: predicted risk .*packets of a byte or two/);
  assert.equal(text.match(/goes from level 0 to 1/g)?.length, 1, text);
});

test('completion knows every command and option, and shells take it', () => {
  const bash = cli('completion', 'bash');
  assert.equal(bash.status, 0, bash.stderr);
  const script = `${bash.stdout}
COMP_WORDS=(tidegate eval --an); COMP_CWORD=2; _tidegate; echo "\${COMPREPLY[*]}"
COMP_WORDS=(tidegate model ro); COMP_CWORD=2; _tidegate; echo "\${COMPREPLY[*]}"`;
  const ran = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  assert.equal(ran.stdout, '--anomaly\nrollback\n', ran.stderr);
  assert.match(cli('completion', 'zsh').stdout, /bashcompinit/);
  assert.match(cli('completion', 'fish').stdout, /complete -c tidegate -n __fish_use_subcommand -f -a serve -d 'serve/);
  const other = cli('completion', 'tcsh');
  assert.equal(other.status, 2);
  assert.match(other.stderr, /bash, zsh or fish/);
});

test('inspect lists live sessions and shows one; without a host it says so', async (t) => {
  const none = cli('inspect', '--data-dir', join(folder, 'nobody'));
  assert.equal(none.status, 2);
  assert.match(none.stderr, /no host holds/);
  const host = await HostProcess.start();
  const client = await TestClient.create(host);
  t.after(async () => {
    await client.close();
    await host.dispose();
  });
  const opened = await client.open(`${host.url}/echo`);
  await client.ping(opened);
  const dataDir = join(host.folder, 'data');
  // Not by spawnSync: the client of this process has to answer meanwhile.
  const shown = async (...args: string[]): Promise<string> => {
    const child = spawn(process.execPath, [CLI, 'inspect', ...args, '--data-dir', dataDir]);
    let out = '';
    child.stdout.on('data', (part) => (out += part));
    child.stderr.on('data', (part) => (out += part));
    await once(child, 'exit');
    return out;
  };
  const list = await shown();
  const id = /^(\d+-\d+) .* echo /m.exec(list)?.[1];
  assert.ok(id !== undefined, list);
  const one = await shown(id);
  assert.match(one, /level +0, normal/);
  assert.match(one, /so far +100 B in|so far +\d+ B in/);
  assert.equal(JSON.parse(await shown(id, '--json')).function, 'echo');
  assert.match(await shown('0-99'), /there is no session 0-99/);
});
