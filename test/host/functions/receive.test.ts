import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BufferPool } from '../../../src/host/functions/receive/buffer-pool.js';
import { CompiledCriteria, type ReceiveState } from '../../../src/host/functions/receive/compiled-criteria.js';
import {
  type Criterion,
  type Framing,
  kindsOf,
  objectionTo,
  patternBytes,
  receiveSchema,
} from '../../../src/host/functions/receive/criteria.js';
import { FrameScanner, framed } from '../../../src/host/functions/receive/frame-scanner.js';
import { jsonField } from '../../../src/host/functions/receive/json-field.js';
import { ReceiveBuffer } from '../../../src/host/functions/receive/receive-buffer.js';
import { fuzzRuns } from '../../support/fuzz.js';

const framings: Framing[] = ['u8', 'u16', 'u32', 'varint', { delimiter: '\n' }, { delimiter: { hex: '0d0a0d' } }];

/** What criteria mean, without any of the ways in which the real one is quick. */
function isMet(tree: Criterion, messages: readonly Uint8Array[], state: Omit<ReceiveState, 'matched'>): boolean {
  const some = (test: (message: Uint8Array) => boolean) => messages.some(test);
  if (tree === 'any') return state.bytes > 0;
  if (tree === 'end') return state.ended;
  if ('bytes' in tree) return state.bytes >= tree.bytes;
  if ('messages' in tree) return state.messages >= tree.messages;
  if ('elapsed' in tree) return state.elapsed >= tree.elapsed;
  if ('all' in tree) return tree.all.every((branch) => isMet(branch, messages, state));
  if ('any' in tree) return tree.any.some((branch) => isMet(branch, messages, state));
  if ('prefix' in tree) {
    const wanted = Buffer.from(patternBytes(tree.prefix));
    return some((message) => Buffer.from(message.subarray(0, wanted.length)).equals(wanted));
  }
  if ('pattern' in tree) {
    const wanted = Buffer.from(patternBytes(tree.pattern));
    return some((message) => Buffer.from(message.subarray(tree.at, tree.at + wanted.length)).equals(wanted));
  }
  const { field, equals, above, below } = tree.json;
  return some((message) => {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(message).toString());
    } catch {
      return false;
    }
    for (const name of field.split('.'))
      value = Object.hasOwn(Object(value), name) ? (value as never)[name] : undefined;
    if (equals !== undefined) return value === equals;
    return typeof value === 'number' && (above !== undefined ? value > above : value < (below as number));
  });
}

const leaf: fc.Arbitrary<Criterion> = fc.oneof(
  fc.constantFrom<Criterion>('any', 'end'),
  fc.record({ bytes: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ messages: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ elapsed: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ prefix: fc.constantFrom('a', 'ab', '{') }),
  fc.record({ pattern: fc.constantFrom('b', 'bb'), at: fc.nat(3) }),
  fc.record({ json: fc.constantFrom({ field: 'a', equals: 1 }, { field: 'a.b', above: 2 }, { field: 'a', below: 0 }) }),
);
const tree: fc.Arbitrary<Criterion> = fc.oneof(
  leaf,
  fc.record({ all: fc.array(leaf, { minLength: 1, maxLength: 3 }) }),
  fc.record({ any: fc.array(leaf, { minLength: 1, maxLength: 3 }) }),
);
const message = fc.oneof(
  fc.constantFrom('a', 'ab', 'bb', 'xbb', '{"a":1}', '{"a":{"b":3}}', '{"a":-1}', '{"a":', '').map(Buffer.from),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10 && byte !== 13))),
);

test('criteria as compiled mean what they say, for datagrams of any kind', () => {
  fc.assert(
    fc.property(tree, fc.array(message, { minLength: 1, maxLength: 6 }), fc.nat(60), (when, messages, elapsed) => {
      const criteria = new CompiledCriteria(receiveSchema.parse({ when }));
      const buffer = new ReceiveBuffer(criteria, new BufferPool(), true);
      const waiting: Buffer[] = [];
      for (const one of messages.filter(({ length }) => length > 0)) {
        buffer.room(one.length).set(one);
        buffer.filled(one.length, 0);
        waiting.push(one);
        const bytes = waiting.reduce((sum, { length }) => sum + length, 0);
        const expected = isMet(when, waiting, { bytes, messages: waiting.length, elapsed, ended: false });
        const batch = buffer.take(elapsed);
        assert.equal(batch !== null, expected, JSON.stringify(when));
        if (batch === null) continue;
        const found = waiting.map((_, i) =>
          Buffer.from(batch.bytes.subarray(batch.spans[2 * i], batch.spans[2 * i + 1])),
        );
        assert.deepEqual(found, waiting);
        waiting.length = 0;
      }
      assert.equal(
        buffer.length,
        waiting.reduce((sum, { length }) => sum + length, 0),
      );
    }),
    { numRuns: fuzzRuns(500) },
  );
});

test('messages of a stream come out as they were framed, however they are cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...framings),
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
      (framing, messages, cuts) => {
        const stream = Buffer.concat(messages.map((one) => framed(framing, one)));
        const criteria = new CompiledCriteria(receiveSchema.parse({ framing, when: 'any' }));
        const buffer = new ReceiveBuffer(criteria, new BufferPool(), false);
        const found: Buffer[] = [];
        const take = () => {
          const batch = buffer.take(0);
          if (batch === null) return;
          for (let i = 0; i < batch.spans.length; i += 2) {
            found.push(Buffer.from(batch.bytes.subarray(batch.spans[i], batch.spans[i + 1])));
          }
        };
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const length = Math.min(cuts[cut % cuts.length], stream.length - at);
          buffer.room(length).set(stream.subarray(at, at + length));
          buffer.filled(length, 0);
          at += length;
          take();
        }
        assert.equal(buffer.end(), true);
        take();
        assert.deepEqual(found, messages);
      },
    ),
    { numRuns: fuzzRuns(500) },
  );
});

test('any bytes are cut into messages, waited for, or too long; never behind the end', () => {
  fc.assert(
    fc.property(fc.constantFrom(...framings), fc.uint8Array({ maxLength: 64 }), (framing, bytes) => {
      const scanner = new FrameScanner(framing, 16);
      for (let at = 0; ; ) {
        const result = scanner.scan(bytes, at, bytes.length);
        if (result !== 'message') return;
        const { from, to, next } = scanner.span;
        assert.ok(at <= from && from <= to && to <= next && next <= bytes.length && next > at && to - from <= 16);
        at = next;
      }
    }),
    { numRuns: fuzzRuns(1000) },
  );
});

test('a message that is too long, or cut off by the end, is told', () => {
  const buffer = (framing: Framing, maxMessage: number) =>
    new ReceiveBuffer(new CompiledCriteria(receiveSchema.parse({ framing, maxMessage })), new BufferPool(), false);
  for (const framing of framings) {
    const long = buffer(framing, 3);
    const bytes = framed(framing, Buffer.from('abcdefgh'));
    long.room(bytes.length).set(bytes);
    long.filled(bytes.length, 0);
    assert.equal(long.isTooLong, true, JSON.stringify(framing));
    const cut = buffer(framing, 100);
    cut.room(bytes.length - 1).set(bytes.subarray(0, bytes.length - 1));
    cut.filled(bytes.length - 1, 0);
    assert.equal(cut.end(), false, JSON.stringify(framing));
  }
});

test('elapsed: met without more data, at the time it says', () => {
  const criteria = new CompiledCriteria(receiveSchema.parse({ when: { any: [{ bytes: 100 }, { elapsed: 50 }] } }));
  const buffer = new ReceiveBuffer(criteria, new BufferPool(), true);
  assert.equal(buffer.dueAt, Number.POSITIVE_INFINITY);
  buffer.room(3).set([1, 2, 3]);
  buffer.filled(3, 1000);
  assert.equal(buffer.dueAt, 1050);
  assert.equal(buffer.take(1049), null);
  assert.equal(buffer.take(1050)?.bytes.length, 3);
  assert.equal(buffer.dueAt, Number.POSITIVE_INFINITY);
});

test('criteria that can never be met are objected to, with the reason', () => {
  const objection = (receive: object, mostBuffer = 100_000) => objectionTo(receiveSchema.parse(receive), mostBuffer);
  assert.equal(objection({ when: { all: ['any', { messages: 3 }] } }), null);
  assert.match(objection({ when: { bytes: 200_000 } }) ?? '', /bytes is 200000/);
  assert.match(objection({ maxMessage: 200_000 }) ?? '', /maxMessage is 200000/);
  assert.match(objection({ maxMessage: 4, when: { prefix: 'abcde' } }) ?? '', /reaches to byte 5/);
  assert.match(objection({ maxMessage: 70_000, when: { json: { field: 'a', equals: 1 } } }) ?? '', /JSON criteria/);
  assert.match(objection({ when: { all: [{ all: [{ all: [{ all: [{ all: ['any'] }] }] }] }] } }) ?? '', /deeper/);
  const wide = { any: Array.from({ length: 16 }, () => ({ all: ['any', 'end'] })) };
  assert.match(objection({ when: wide }) ?? '', /more than 16/);
  // One branch that can be met is enough.
  assert.equal(objection({ when: { any: [{ bytes: 200_000 }, 'end'] } }), null);
  for (const bad of [
    { when: 'never' },
    { when: { bytes: 0 } },
    { when: { json: { field: 'a' } } },
    { when: { json: { field: 'a', above: 1, below: 2 } } },
    { when: { prefix: { hex: 'abc' } } },
    { framing: { delimiter: '' } },
  ]) {
    assert.equal(receiveSchema.safeParse(bad).success, false, JSON.stringify(bad));
  }
  assert.deepEqual([...kindsOf({ any: [{ pattern: 'a', at: 1 }, { all: ['end', { bytes: 1 }] }] })].sort(), [
    'bytes',
    'end',
    'pattern',
  ]);
});

test('JSON that is deep, long, no JSON or tricky finds nothing, and quickly', () => {
  const find = (text: string, path: string) => {
    const bytes = Buffer.from(text);
    return jsonField(bytes, 0, bytes.length, path.split('.'));
  };
  assert.equal(find('{"a":{"b":[1,2]}}', 'a.b.1'), 2);
  assert.equal(find(`${'['.repeat(60_000)}${']'.repeat(60_000)}`.slice(0, 65_000), 'a'), undefined);
  assert.equal(find(`{"a":1,"b":"${'x'.repeat(70_000)}"}`, 'a'), undefined);
  assert.equal(find('{"__proto__":{"a":1}}', 'constructor.name'), undefined);
  assert.equal(find('{"a":1}', '__proto__.a'), undefined);
  assert.equal(find('{"a":"]]]]\\"]"}', 'a'), ']]]]"]');
  for (const text of ['', 'nul', '{"a":', '\u0000']) assert.equal(find(text, 'a'), undefined, text);
});

test('buffers are used again, in classes, and what is out is counted', () => {
  const pool = new BufferPool();
  const first = pool.take(1000);
  assert.equal(first.length, 1024);
  assert.deepEqual([pool.made, pool.bytesOut], [1, 1024]);
  pool.give(first);
  assert.equal(pool.take(10), first);
  assert.deepEqual([pool.made, pool.bytesOut], [1, 1024]);
  assert.equal(pool.take(1025).length, 4096);
  pool.lose(first);
  assert.deepEqual([pool.made, pool.bytesOut], [2, 4096]);
  const huge = pool.take(20_000_000);
  assert.equal(huge.length, 20_000_000);
  pool.give(huge);
  assert.notEqual(pool.take(20_000_000), huge, 'what has no class is not kept');
});
