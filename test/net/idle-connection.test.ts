import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { endIdle } from '../../src/net/idle-connection.js';

class Connection extends EventEmitter {
  isDestroyed = false;

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

test('a connection ends when it has had no stream for so long, and not while it has one', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = new Connection();
  const busy = new Connection();
  endIdle(silent, 1000);
  endIdle(busy, 1000);
  const stream = new EventEmitter();
  t.mock.timers.tick(900);
  busy.emit('stream', stream);
  t.mock.timers.tick(200);
  assert.deepEqual([silent.isDestroyed, busy.isDestroyed], [true, false]);
  t.mock.timers.tick(60_000);
  stream.emit('close');
  t.mock.timers.tick(900);
  assert.equal(busy.isDestroyed, false);
  t.mock.timers.tick(200);
  assert.equal(busy.isDestroyed, true);
});
