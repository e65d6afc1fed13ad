import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { AlertGate, WebhookAlerts } from '../../src/admin/alerts.js';
import { FunctionHosts } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

test('AlertGate: one a subject and quiet time, so many a minute', () => {
  const gate = new AlertGate(3, 60_000);
  assert.equal(gate.passes('a', 0), true);
  assert.equal(gate.passes('a', 1_000), false);
  assert.equal(gate.passes('b', 1_000), true);
  assert.equal(gate.passes('c', 1_000), true);
  assert.equal(gate.passes('d', 2_000), false, 'the minute is full');
  assert.equal(gate.passes('d', 61_000), true);
  assert.equal(gate.passes('a', 61_000), true);
  assert.equal(gate.suppressed, 2);
});

test('a webhook is told of a level that rises and of an unusual metric, once, and may be down', async () => {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    bodies.push(JSON.parse(text));
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = await hosts.start({});
  const alerts = new WebhookAlerts(host, `http://127.0.0.1:${port}/`, { perMinute: 10, quiet: 60 });
  const change = { client: 'pseudonym', functionId: 'echo', from: 1, reason: 'drip', isEnforced: true } as const;
  host.emit('level', { ...change, to: 1 });
  host.emit('level', { ...change, to: 2 });
  host.emit('level', { ...change, to: 3 });
  host.emit('anomaly', { metric: 'sessions', value: 9, usual: 1, score: 0.8, reason: 'value above its level' });
  while (bodies.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(bodies.map(({ kind, about }) => [kind, about]).sort(), [
    ['host', 'sessions'],
    ['session', 'pseudonym'],
  ]);
  server.close();
  server.closeAllConnections();
  const logged = once(host, 'log');
  host.emit('anomaly', { metric: 'bytes', value: 9, usual: 1, score: 0.8, reason: 'value above its level' });
  assert.equal((await logged)[1], 'alerts do not arrive');
  assert.equal(alerts.failed, 1);
  await alerts.close();
});
