import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { LoopTurns, type Waiting } from '../../src/net/loop-turns.js';
import { PacedSocket } from '../../src/net/paced-socket.js';

/** Below: what the peer sends is pushed, what it gets is kept. */
class Below extends Duplex {
  readonly written: string[] = [];

  override _read(): void {}

  /** Takes nothing. */
  isFull = false;

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.isFull) return;
    this.written.push(bytes.toString());
    done();
  }

  override _writev(parts: { chunk: Buffer }[], done: () => void): void {
    this.written.push(Buffer.concat(parts.map(({ chunk }) => chunk)).toString());
    done();
  }

  /** As a socket's. */
  destroySoon(): void {
    this.end(() => this.destroy());
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
  return { below, paced: new PacedSocket(below as unknown as Socket, turns) };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

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
  assert.deepEqual(got, [4096]);
  paced.pause();
  await settled();
  while (turns.line.length > 0) turns.line.shift()?.serve();
  const before = got.length;
  below.push(Buffer.alloc(1000));
  await settled();
  assert.deepEqual([got.length, turns.line.length], [before, 0]);
  assert.ok(paced.readableLength <= 4096);
});

test('what becomes of a piece is of its turn: where it takes long there is one a turn, and pieces get smaller', async () => {
  let now = 0;
  const { below, paced } = joined(new LoopTurns(() => now));
  const turns: number[][] = [[]];
  paced.on('data', (bytes: Buffer) => {
    turns.at(-1)?.push(bytes.length);
    now += 2;
  });
  below.push(Buffer.alloc(20_000));
  for (let i = 0; i < 30; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push([]);
  }
  const served = turns.filter((pieces) => pieces.length > 0);
  assert.deepEqual(
    served.map(([first]) => first),
    [4096, 2048, ...Array(13).fill(1024), 544],
  );
  assert.ok(
    served.every(({ length }) => length === 1),
    JSON.stringify(turns),
  );
});

test('pieces that cost little get larger, as far as they go', async () => {
  const { below, paced } = joined(new LoopTurns(() => 0));
  const got: number[] = [];
  paced.on('data', (bytes: Buffer) => got.push(bytes.length));
  below.push(Buffer.alloc(300_000));
  await settled();
  assert.deepEqual(got, [4096, 8192, 16_384, 32_768, 65_536, 65_536, 65_536, 41_952]);
});

test('an end that comes while nothing is asked for is not lost', async () => {
  const { below, paced } = joined();
  paced.on('data', () => {});
  below.push('all');
  await settled();
  paced.pause();
  below.push(null);
  await settled();
  paced.resume();
  await once(paced, 'end');
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

test('who is let go of after its end ends; who takes nothing is let go of all the same', async () => {
  const { below, paced } = joined(new Held());
  const ended = once(below, 'finish');
  paced.end('last', () => paced.destroy());
  await ended;
  assert.deepEqual(below.written, ['last']);
  const full = joined(new Held());
  full.below.isFull = true;
  full.paced.on('error', () => {});
  full.paced.write('for nobody');
  full.paced.end();
  await settled();
  full.paced.destroy();
  await once(full.below, 'close');
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
