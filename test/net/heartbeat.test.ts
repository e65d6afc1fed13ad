import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endDead } from '../../src/net/heartbeat.js';

test('a connection ends when its peer gives no sign of life, and not while it answers or takes what is sent', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const made = ['answers', 'takes', 'vanished'].map((kind) => {
    const connection = {
      kind,
      pings: 0,
      isDestroyed: false,
      socket: { bytesRead: 0, bytesWritten: 0 },
      ping: () => {
        connection.pings++;
        connection.socket.bytesWritten += 17;
        if (kind === 'answers') connection.socket.bytesRead += 17;
      },
      destroy: () => {
        connection.isDestroyed = true;
      },
    };
    endDead(connection, 1000);
    return connection;
  });
  const [answers, takes, vanished] = made;
  for (let i = 0; i < 20; i++) {
    takes.socket.bytesWritten += 5000;
    t.mock.timers.tick(500);
    if (i === 0) assert.equal(vanished.isDestroyed, false);
    if (i === 1) assert.equal(vanished.isDestroyed, true);
  }
  assert.deepEqual([answers.isDestroyed, takes.isDestroyed], [false, false]);
  // Every other time: what it answered is a sign of life itself.
  assert.deepEqual([answers.pings, takes.pings], [10, 0]);
});

test('it stops', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let pings = 0;
  const socket = { bytesRead: 0, bytesWritten: 0 };
  const stop = endDead({ socket, ping: () => pings++, destroy: () => assert.fail() }, 1000);
  stop();
  t.mock.timers.tick(10_000);
  assert.equal(pings, 0);
});
