import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createMetrics } from '../../src/admin/metrics.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { SocketHost } from '../../src/host/socket-host.js';
import { encodeModel } from '../../src/predict/graph/encode.js';
import { decodeNetworks } from '../../src/predict/model/decode.js';
import { predictGraph } from '../../src/predict/model/predict-graph.js';
import { cardOf } from '../../src/predict/store/model-card.js';
import { sleep, until } from '../support/client.js';
import { CLI } from '../support/host-process.js';

const hosts: { host: SocketHost; folder: string }[] = [];
const children: ChildProcess[] = [];

after(async () => {
  for (const child of children) child.kill();
  for (const { host, folder } of hosts) {
    await host.close(0);
    rmSync(folder, { recursive: true });
  }
});

/** A host with ten ticks a second. */
async function start(config: HostConfigInput = {}): Promise<{ host: SocketHost; logs: string[]; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const host = new SocketHost({ port: 0, tick: 0.1, dataDir: folder, tcp: false, shards: 1, ...config });
  hosts.push({ host, folder });
  const logs: string[] = [];
  host.on('log', (_, message, detail) => logs.push(`${message} ${JSON.stringify(detail)}`));
  await host.start();
  return { host, logs, folder };
}

/** Clients of one name that send at a rate for so long, or until the tests end. */
function clients(host: SocketHost, name: string, sessions: number, rate: number, size: number, seconds = 200): void {
  const child = spawn(
    process.execPath,
    [
      ...[CLI, 'load', `${host.url}/echo?client=${name}`, '--certificate-hash', host.certificateHash],
      ...['--sessions', `${sessions}`, '--rate', `${rate}`, '--size', `${size}`, '--duration', `${seconds}`],
    ],
    { stdio: 'ignore' },
  );
  children.push(child);
}

test('two kinds of client part within seconds, and settings follow', { timeout: 60_000 }, async () => {
  const { host } = await start({ policy: { minRateLimit: 1000 }, training: { enabled: false } });
  clients(host, 'heavy', 3, 50, 1000);
  clients(host, 'light', 3, 0.5, 50);
  const of = async () => {
    const sessions = await host.sessions();
    // The heavy ones are those that brought more.
    const [heavy, light] = [true, false].map((isHeavy) =>
      sessions.filter(({ counts, openSeconds }) => counts.bytesIn / openSeconds > 5000 === isHeavy),
    );
    return { heavy, light };
  };
  await until(async () => {
    const { heavy, light } = await of();
    const least = Math.min(...heavy.map(({ settings }) => settings.rateLimit));
    const most = Math.max(...light.map(({ settings }) => settings.rateLimit));
    return (
      heavy.length === 3 &&
      light.length === 3 &&
      [...heavy, ...light].every(({ openSeconds }) => openSeconds > 3) &&
      least > 5 * most &&
      heavy.every(({ profile }) => profile.predictedBy !== null && profile.predictedDataRate > 30_000) &&
      light.every(({ profile }) => profile.predictedBy !== null && profile.predictedDataRate < 5000)
    );
  }, 30_000);
  const { heavy, light } = await of();
  for (const { profile, forecast, scores } of [...heavy, ...light]) {
    const [low, high] = profile.predictedDataRateBand ?? [1, 0];
    assert.ok(low <= high && forecast !== null && scores !== null && scores.absoluteError >= 0);
    assert.ok(profile.predictedErrors.reset > 0 && profile.predictedErrors.reset < 1);
  }
  const { source, error, averageError } = host.prediction.state;
  assert.ok(error !== null && averageError !== null && ['model', 'average'].includes(source));
  assert.ok((host.prediction.service?.status?.ticks ?? 0) > 10);
  const metrics = await createMetrics(host).metrics();
  for (const line of [
    /^tidegate_prediction_source\{source="model"\} [01]$/m,
    /^tidegate_prediction_ticks_total [1-9]\d+$/m,
    /^tidegate_prediction_error\{of="average"\} \d/m,
    /^tidegate_prediction_pinball_loss\{horizon="10s"\} \d/m,
    /^tidegate_prediction_above_high\{horizon="1s"\} \d/m,
  ]) {
    assert.match(metrics, line);
  }
});

test('a client that comes back brings along what the model made of it', { timeout: 60_000 }, async () => {
  const { host } = await start({ training: { enabled: false } });
  clients(host, 'a', 1, 50, 500, 4);
  let client = '';
  await until(async () => {
    const [session] = await host.sessions();
    client = session?.client ?? '';
    return (session?.openSeconds ?? 0) > 2 && session?.profile.predictedBy !== null;
  }, 20_000);
  await until(async () => host.profiler.memoryOf(client) !== null, 10_000);
  const memory = host.profiler.memoryOf(client);
  assert.equal(memory?.model, host.prediction.state.model);
  assert.ok(memory?.state.some((value) => value !== 0));
});

test('without a usable model the host serves by averages and says so', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-model-'));
  const model = join(folder, 'broken.onnx');
  writeFileSync(model, 'no model');
  const { host, logs } = await start({ prediction: { model }, policy: { minRateLimit: 1000 } });
  clients(host, 'a', 1, 50, 1000);
  await until(async () => {
    const [session] = await host.sessions();
    return session !== undefined && session.profile.predictedDataRate > 30_000 && session.settings.rateLimit > 120_000;
  }, 20_000);
  const { source, reason } = host.prediction.state;
  assert.equal(source, 'average');
  assert.match(reason ?? '', /no model/);
  assert.ok(logs.some((line) => /the average of the past predicts/.test(line)));
  const [session] = await host.sessions();
  assert.deepEqual([session.profile.predictedBy, session.forecast], [null, null]);
  rmSync(folder, { recursive: true });
  await assert.rejects(start({ prediction: { model: '/nowhere/a.onnx' } }), { code: 'TIDEGATE_E_MODEL' });
});

test('the model is trained on what clients do and replaced; a broken one is refused, a poisoned one sent back; the trainer may die', {
  timeout: 220_000,
}, async () => {
  const training = { every: 1, minSequences: 40, iterations: 40, cpuShare: 1, shadowTicks: 20, watchTicks: 1000 };
  const { host, logs } = await start({ training });
  const [{ id: base }] = await host.prediction.models.list();
  clients(host, 'heavy', 20, 10, 400);
  clients(host, 'light', 20, 1, 50);
  const keeper = host.prediction.keeper;
  assert.ok(keeper !== null);

  await until(async () => keeper.trainerPid !== undefined, 40_000);
  process.kill(keeper.trainerPid as number, 'SIGKILL');
  await until(async () => keeper.runs.failed === 1, 5000);
  assert.ok(logs.some((line) => /training failed.*SIGKILL/.test(line)));
  assert.equal(host.prediction.state.model, base);
  assert.equal((await host.prediction.models.list()).length, 1);

  await until(async () => host.prediction.state.model !== base && host.prediction.serves === true, 120_000);
  const champion = host.prediction.state.model as string;
  await until(async () => (await host.prediction.models.current()).model === champion, 5000);
  const { card, bytes } = await host.prediction.models.load(champion);
  assert.ok(card.parent !== null && card.metrics.error < card.metrics.championError);

  const { size, normalisation, members } = decodeNetworks(bytes);
  const changed = async (change: (value: number) => number): Promise<string> => {
    const model = encodeModel(
      predictGraph(
        size,
        normalisation,
        members.map((member) => member.map(change)),
      ),
    );
    const { id: _, sha256: __, createdAt: ___, ...about } = card;
    const made = cardOf(model, about);
    await host.prediction.models.add(model, made);
    await host.prediction.models.use(made.id);
    return made.id;
  };
  const broken = await changed(() => Number.NaN);
  await until(async () => logs.some((line) => line.includes('refused') && line.includes(broken)), 30_000);
  assert.notEqual(host.prediction.state.model, broken);
  // Nobody goes back to it, and a host that starts again does not try it.
  await until(async () => (await host.prediction.models.current()).model !== broken, 5000);

  const poisoned = await changed((value) => -3 * value);
  await until(
    async () => logs.some((line) => line.includes('another model serves') && line.includes(poisoned)),
    30_000,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${poisoned}\n${logs.slice(-12).join('\n')}`);
  });
  await until(
    async () => logs.some((line) => line.includes('the model is sent back') && line.includes(poisoned)),
    60_000,
  );
  await until(async () => host.prediction.state.model !== poisoned && host.isReady, 10_000);
  await sleep(500);
  assert.notEqual((await host.prediction.models.current()).model, poisoned);
  assert.equal((await host.sessions()).length, 40, 'nobody was dropped');
});
