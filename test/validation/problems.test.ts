import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { problemForStranger, problemsOf } from '../../src/validation/problems.js';

const tree: z.ZodType = z.lazy(() =>
  z.union([
    z.literal('any'),
    z.strictObject({ bytes: z.int().min(1) }),
    z.strictObject({ all: z.array(tree).min(1).max(4) }),
  ]),
);

const schema = z.strictObject({
  port: z.int().min(0).max(65535).default(1).describe('UDP port'),
  share: z.number().positive().optional(),
  names: z.array(z.string().min(1)).optional(),
  when: tree.optional(),
  shards: z.union([z.literal('auto'), z.int().min(1).max(64), z.strictObject({ max: z.int() })]).optional(),
  inner: z.strictObject({ needed: z.boolean(), other: z.string().optional() }).optional(),
  any: z.record(z.string(), z.strictObject({ weight: z.number().min(0) })).optional(),
  secret: z.string().min(8).optional().meta({ writeOnly: true }),
  store: z
    .string()
    .regex(/^valkey:/, 'it has to be valkey://host')
    .optional(),
});

function errorOf(input: unknown): z.ZodError {
  const result = schema.safeParse(input);
  assert.ok(!result.success, `${String(input)} was taken`);
  return result.error;
}

const problems = (input: unknown): string[] => problemsOf(schema, errorOf(input), input, 'the configuration');

test('a problem names key, value, what it has to be, and what for', () => {
  for (const [input, problem] of [
    [{ port: '1' }, 'port is "1": it has to be an integer from 0 to 65535 (UDP port)'],
    [{ port: Number.NaN }, 'port is NaN: it has to be an integer from 0 to 65535 (UDP port)'],
    [{ port: 5n }, 'port is 5n: it has to be an integer from 0 to 65535 (UDP port)'],
    [{ share: 0 }, 'share is 0: it has to be a number above 0'],
    [{ names: ['a', ''] }, 'names.1 is "": it has to be text that is not empty'],
    [{ inner: {} }, 'inner.needed is missing: it has to be true or false'],
    [{ inner: 4 }, 'inner is 4: it has to be an object of needed'],
    [null, 'the configuration is null: it has to be an object'],
  ] as const) {
    assert.deepEqual(problems(input), [problem]);
  }
});

test('an unknown key is told with those that are known at its place', () => {
  assert.match(problems({ prot: 1 })[0], /^unknown key prot; known are port, share, /);
  assert.deepEqual(problems({ inner: { needed: true, x: 1, y: 1 } }), [
    'unknown key inner.x, inner.y; known are needed, other',
  ]);
  assert.deepEqual(problems({ any: { one: { weight: 1, height: 2 } } }), [
    'unknown key any.one.height; known are weight',
  ]);
});

test('of a union: what there is to choose from, or what is wrong in the member that was meant', () => {
  assert.deepEqual(problems({ shards: 'max' }), [
    'shards is "max": it has to be "auto", an integer from 1 to 64 or an object of max',
  ]);
  assert.deepEqual(problems({ shards: { max: 'x' } }), ['shards.max is "x": it has to be an integer']);
  const members = '"any", an object of bytes or an object of all';
  assert.deepEqual(problems({ when: { byte: 5 } }), [`when is {"byte":5}: it has to be ${members}`]);
  assert.deepEqual(problems({ when: { all: ['any', { all: [{ bytes: 1 }, 'nay'] }] } }), [
    `when.all.1.all.1 is "nay": it has to be ${members}`,
  ]);
});

test('secrets are not shown, nor passwords in addresses, nor anything where values are not to be', () => {
  assert.deepEqual(problems({ secret: 'short' }), ['secret: it has to be text of at least 8 characters']);
  assert.deepEqual(problems({ store: 'valky://me:hush@host:1/0' }), [
    'store is "valky://…@host:1/0": it has to be valkey://host',
  ]);
  const stranger = (input: unknown): string => problemForStranger(schema, errorOf(input), input, 'the message');
  assert.equal(stranger({ port: 'mine' }), 'port: it has to be an integer from 0 to 65535 (UDP port)');
  assert.equal(stranger({ ['x'.repeat(1000)]: 1 }).length, 200);
});

test('whatever is given, it is told what is wrong with it', () => {
  const wrong = fc.anything({ withBigInt: true, withMap: true, withDate: true, withNullPrototype: true });
  const key = fc.constantFrom('port', 'share', 'names', 'when', 'shards', 'inner', 'any', 'secret', 'x');
  fc.assert(
    fc.property(fc.oneof(wrong, fc.dictionary(key, wrong)), (input) => {
      const result = schema.safeParse(input);
      if (result.success) return;
      const told = problemsOf(schema, result.error, input, 'all');
      assert.ok(told.length > 0 && told.every((line) => line.length > 0));
    }),
  );
});
