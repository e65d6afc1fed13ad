import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../support/client.js';
import { FunctionHosts } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

test('clients hear how full the host will be before it is', { timeout: 60_000 }, async () => {
  const host = await hosts.start({ scaling: { capacity: 40 } });
  const sessions = await Promise.all([hosts.open(host, 'echo'), hosts.open(host, 'echo')]);
  const heard: { in1m: number; in5m: number; pace: number }[] = [];
  for (const session of sessions) session.on('capacity', (outlook) => heard.push(outlook));
  assert.equal(sessions[0].pace, 1);
  // Sessions rise by one a minute: at 30 of 40 now, over 35 in five minutes.
  const rising = Array.from({ length: 30 * 6 + 1 }, (_, i) => i);
  for (const i of rising) {
    host.load.look((i + 1) * 10_000, { sessions: i / 6, bytes: 0, busyMicroseconds: 0 });
  }
  await until(() => host.load.outlook !== null);
  const { outlook } = host.load;
  assert.ok(outlook !== null && outlook.in5m > 0.7 && outlook.in5m < 1.2, JSON.stringify(outlook));
  host.shards.broadcast({ type: 'capacity', outlook: { ...outlook, pace: 0.8 } });
  await until(() => heard.length === 2);
  assert.ok(Math.abs(heard[0].in5m - outlook.in5m) < 0.01);
  assert.equal(sessions[0].pace, 0.8);
});
