import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { LoopTurns, type Waiting } from '../../src/net/loop-turns.js';
import { PacedSocket } from '../../src/net/paced-socket.js';

/** Below: what the peer sends is pushed, what it gets is kept. */
class Below extends Duplex {
  readonly written: string[] = [];

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(bytes.toString());
    done();
  }
}

/** Nobody's turn comes before it is said so. */
class Held extends LoopTurns {
  readonly line: Waiting[] = [];

  override ask(one: Waiting): void {
    this.line.push(one);
  }
}

function joined(turns = new LoopTurns()) {
  const below = new Below();
  return { below, paced: new PacedSocket(below as unknown as TLSSocket, turns) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test('all that comes is passed on, and the end behind it', async () => {
  const { below, paced } = joined();
  for (let i = 0; i < 100; i++) below.push(`${i} `.repeat(500));
  below.push(null);
  const whole = Array.from({ length: 100 }, (_, i) => `${i} `.repeat(500)).join('');
  assert.equal(await text(paced), whole);
});

test('nothing is passed on before its turn, and then a piece; nothing that is not asked for', async () => {
  const turns = new Held();
  const { below, paced } = joined(turns);
  const got: number[] = [];
  paced.on('data', (bytes: Buffer) => got.push(bytes.length));
  await settled();
  // Who reads asks, though nothing is there.
  turns.line.shift()?.serve();
  for (let i = 0; i < 50; i++) below.push(Buffer.alloc(1000));
  await settled();
  assert.deepEqual([got, turns.line.length], [[], 1], 'it waits once');
  turns.line.shift()?.serve();
  assert.deepEqual(got, [16_384]);
  paced.pause();
  await settled();
  while (turns.line.length > 0) turns.line.shift()?.serve();
  const before = got.length;
  below.push(Buffer.alloc(1000));
  await settled();
  assert.deepEqual([got.length, turns.line.length], [before, 0]);
  assert.ok(paced.readableLength <= 16_384);
});

test('what is written at once goes down in one, and the end too', async () => {
  const { below, paced } = joined();
  paced.cork();
  for (const part of ['a', 'b', 'c']) paced.write(part);
  paced.uncork();
  paced.end();
  await once(below, 'finish');
  assert.deepEqual(below.written, ['abc']);
});

test('where one of the two breaks or is let go of, so is the other', async () => {
  const one = joined();
  one.paced.on('error', () => {});
  one.below.destroy(new Error('reset'));
  await new Promise<void>((resolve) => one.paced.once('close', resolve));
  assert.equal(one.paced.errored?.message, 'reset');
  const other = joined(new Held());
  other.paced.destroy();
  await once(other.below, 'close');
  assert.equal(other.below.destroyed, true);
});
