import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ControlReader, encodeControl, MOST_CONTROL_BYTES } from '../../src/control/frames.js';
import { clientMessage } from '../../src/control/messages.js';
import { fuzzRuns } from '../support/fuzz.js';

test('control messages come out as they went in, however the stream is cut', () => {
  const message = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(40), { maxLength: 30 }), (messages, cuts) => {
      const bytes = Buffer.concat(messages.map(encodeControl));
      const reader = new ControlReader();
      const found: unknown[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        const taken = reader.push(bytes.subarray(at, at + cut));
        found.push(...taken);
        at = Math.min(bytes.length, at + cut);
      }
      assert.deepEqual(found, JSON.parse(JSON.stringify(messages)));
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('any bytes are taken, or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      let taken: unknown[] = [];
      try {
        taken = new ControlReader().push(bytes);
      } catch (error) {
        assert.ok(
          [RangeError, SyntaxError, TypeError].some((kind) => error instanceof kind),
          String(error),
        );
      }
      for (const message of taken) clientMessage.safeParse(message);
    }),
    { numRuns: fuzzRuns(500) },
  );
});

test('what is too long, no JSON or no UTF-8 is refused', () => {
  const length = (bytes: number) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes);
    return head;
  };
  const taking =
    (...parts: Buffer[]) =>
    () =>
      new ControlReader().push(Buffer.concat(parts));
  assert.throws(taking(length(MOST_CONTROL_BYTES + 1)), RangeError);
  assert.throws(taking(length(1), Buffer.from('{')), SyntaxError);
  assert.throws(taking(length(3), Buffer.of(0x22, 0xff, 0x22)), TypeError);
});

test('what a client may say is checked to the letter', () => {
  const good = { type: 'hello', version: 1 };
  assert.deepEqual(clientMessage.parse(good), { ...good, abilities: [] });
  for (const bad of [
    {},
    { type: 'nothing' },
    { type: 'hello' },
    { ...good, extra: 1 },
    { ...good, abilities: ['fly'] },
    { ...good, token: 'a'.repeat(9000) },
    { type: 'define', id: 'a b', endpoint: { function: 'echo' } },
    { type: 'define', id: 'a', endpoint: { url: 'nothing' } },
    { type: 'define', id: 'a', endpoint: { function: 'echo', url: 'https://a' } },
    { type: 'answer', id: 'a', nonce: -1 },
    { type: 'sealed', id: 'a', key: 'short' },
  ]) {
    assert.equal(clientMessage.safeParse(bad).success, false, JSON.stringify(bad));
  }
});
