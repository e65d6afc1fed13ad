import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createMetrics } from '../../src/admin/metrics.js';
import { until } from '../support/client.js';
import { FunctionHosts, moduleOf, text } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

test('metrics tell functions apart: their sessions, bytes, calls, and the time that these took', {
  timeout: 60_000,
}, async () => {
  const endpoint = moduleOf('troublesome');
  const host = await hosts.start({
    tick: 0.1,
    functions: { work: { endpoint, receive: { when: 'end' } }, idle: { endpoint } },
    clientFunctions: { most: 1, functions: ['work'] },
  });
  const session = await hosts.open(host, 'work');
  await session.request(text('sleep 60'));
  await session.request(text('throw')).catch(() => {});
  await (await hosts.open(host, 'echo')).request(text('hello'));
  const own = await hosts.open(host, 'work');
  await own.define({ id: 'own', receive: { when: 'end' }, endpoint: { function: 'work' } });
  await own.request(text('something'));
  const registry = createMetrics(host);
  const wanted = [
    /^tidegate_function_sessions\{function="work"\} 1$/m,
    /^tidegate_function_sessions\{function="\(clients\)"\} 1$/m,
    /^tidegate_function_sessions_opened_total\{function="work"\} \d$/m,
    /^tidegate_function_sessions_opened_total\{function="echo"\} 1$/m,
    /^tidegate_function_bytes_total\{function="echo",direction="in"\} 5$/m,
    /^tidegate_function_calls_total\{function="work",call="data",outcome="done"\} 1$/m,
    /^tidegate_function_calls_total\{function="work",call="data",outcome="failed"\} 1$/m,
    /^tidegate_function_calls_total\{function="\(clients\)",call="data",outcome="done"\} 1$/m,
    /^# TYPE tidegate_function_call_seconds histogram$/m,
    /^tidegate_function_call_seconds_bucket\{function="work",le="0.05"\} 1$/m,
    /^tidegate_function_call_seconds_bucket\{function="work",le="\+Inf"\} 2$/m,
    /^tidegate_function_call_seconds_count\{function="work"\} 2$/m,
  ];
  await until(async () => {
    const metrics = await registry.metrics();
    return wanted.every((line) => line.test(metrics));
  }).catch(async () => {
    const metrics = await registry.metrics();
    assert.deepEqual(
      wanted.filter((line) => !line.test(metrics)),
      [],
      metrics,
    );
  });
  assert.doesNotMatch(await registry.metrics(), /function="idle"/, 'of which nothing is known yet');
});

test('each metric says what it is', async () => {
  const host = await hosts.start({});
  const metrics = await createMetrics(host).metrics();
  const helps = [...metrics.matchAll(/^# HELP (tidegate_\S+) (.*)$/gm)];
  assert.ok(helps.length > 80);
  for (const [, name, help] of helps)
    assert.ok(/^[A-Z0-9]/.test(help) && !help.includes('undefined'), `${name}: ${help}`);
});
