import { z } from 'zod';

/** Messages that JSON criteria look at are no longer, and no deeper. */
export const MOST_JSON_BYTES = 65_536;
const MOST_DEPTH = 4;
const MOST_LEAVES = 16;
const MOST_PATTERN = 256;
const MOST_ELAPSED_MS = 3_600_000;

const pattern = z
  .union([
    z.string().min(1).max(MOST_PATTERN),
    z.strictObject({
      hex: z
        .string()
        .regex(/^([0-9a-f]{2})+$/i, 'it has to be pairs of hex digits')
        .max(2 * MOST_PATTERN),
    }),
  ])
  .describe('text (UTF-8), or bytes as hex');

const jsonCriterion = z
  .strictObject({
    field: z.string().min(1).max(256).describe('names parted by dots; numbers are places of an array'),
    equals: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
    above: z.number().optional(),
    below: z.number().optional(),
  })
  .refine(
    ({ equals, above, below }) => [equals, above, below].filter((value) => value !== undefined).length === 1,
    'give one of equals, above and below',
  );

/** When what came is handed on. */
export type Criterion =
  | 'any'
  | 'end'
  | { bytes: number }
  | { messages: number }
  | { elapsed: number }
  | { prefix: z.infer<typeof pattern> }
  | { pattern: z.infer<typeof pattern>; at: number }
  | { json: z.infer<typeof jsonCriterion> }
  | { all: Criterion[] }
  | { any: Criterion[] };

const criterion: z.ZodType<Criterion> = z.lazy(() =>
  z.union([
    z.literal('any').describe('any data'),
    z.literal('end').describe('the end of the stream'),
    z.strictObject({ bytes: z.int().min(1) }),
    z.strictObject({ messages: z.int().min(1).max(65_536) }),
    z.strictObject({ elapsed: z.int().min(1).max(MOST_ELAPSED_MS).describe('ms since the first byte that waits') }),
    z.strictObject({ prefix: pattern }),
    z.strictObject({ pattern, at: z.int().min(0).max(65_535) }),
    z.strictObject({ json: jsonCriterion }),
    z.strictObject({ all: z.array(criterion).min(1).max(MOST_LEAVES) }),
    z.strictObject({ any: z.array(criterion).min(1).max(MOST_LEAVES) }),
  ]),
);

const framing = z.union([
  z.enum(['none', 'u8', 'u16', 'u32', 'varint']).describe('length in front, big-endian; varint as in RFC 9000'),
  z.strictObject({ delimiter: pattern }),
]);

export type Framing = z.infer<typeof framing>;

/** What a function receives, and when. Without a framing a datagram is a message, and a stream as a whole is one. */
export const receiveSchema = z
  .strictObject({
    framing: framing.default('none'),
    maxMessage: z.int().min(1).max(16_777_216).default(65_536).describe('bytes; a longer one ends its stream'),
    when: criterion.default('any'),
  })
  .prefault({});

export type Receive = z.infer<typeof receiveSchema>;

export function patternBytes(value: z.infer<typeof pattern>): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value.hex, 'hex');
}

/** The kinds of criteria in a tree, for operators that allow only some. */
export function kindsOf(tree: Criterion): Set<string> {
  if (typeof tree === 'string') return new Set([tree]);
  if ('all' in tree) return new Set(tree.all.flatMap((branch) => [...kindsOf(branch)]));
  if ('any' in tree) return new Set(tree.any.flatMap((branch) => [...kindsOf(branch)]));
  return new Set([Object.keys(tree).find((key) => key !== 'at') as string]);
}

/** Whether criteria ask for what is in messages, which can't be told of sealed ones. */
export function looksAtContent(tree: Criterion): boolean {
  const kinds = kindsOf(tree);
  return kinds.has('prefix') || kinds.has('pattern') || kinds.has('json');
}

function measure(tree: Criterion, depth: number): { depth: number; leaves: number } {
  const branches = typeof tree === 'string' ? null : 'all' in tree ? tree.all : 'any' in tree ? tree.any : null;
  if (branches === null) return { depth, leaves: 1 };
  const below = branches.map((branch) => measure(branch, depth + 1));
  return {
    depth: Math.max(...below.map((one) => one.depth)),
    leaves: below.reduce((sum, one) => sum + one.leaves, 0),
  };
}

/** Why criteria can never be met, or null. `mostBuffer` is what a session may hold unread at most, bytes. */
export function objectionTo({ framing: frames, maxMessage, when }: Receive, mostBuffer: number): string | null {
  const { depth, leaves } = measure(when, 0);
  if (depth > MOST_DEPTH) return `criteria are nested deeper than ${MOST_DEPTH}`;
  if (leaves > MOST_LEAVES) return `there are more than ${MOST_LEAVES} criteria`;
  if (maxMessage > mostBuffer) return `maxMessage is ${maxMessage}, and a session buffers ${mostBuffer} bytes at most`;
  return objectionIn(when, frames, maxMessage, mostBuffer);
}

function objectionIn(tree: Criterion, frames: Framing, maxMessage: number, mostBuffer: number): string | null {
  if (typeof tree === 'string') return null;
  const inside = (branch: Criterion): string | null => objectionIn(branch, frames, maxMessage, mostBuffer);
  if ('all' in tree) return tree.all.map(inside).find((objection) => objection !== null) ?? null;
  if ('any' in tree) {
    const objections = tree.any.map(inside);
    return objections.every((objection) => objection !== null) ? objections[0] : null;
  }
  if ('bytes' in tree && tree.bytes > mostBuffer) {
    return `bytes is ${tree.bytes}, and a session buffers ${mostBuffer} at most`;
  }
  const length =
    'prefix' in tree ? patternBytes(tree.prefix).length : 'pattern' in tree ? patternBytes(tree.pattern).length : 0;
  const reach = length + ('at' in tree ? tree.at : 0);
  if (reach > maxMessage) return `a pattern reaches to byte ${reach}, and a message has ${maxMessage} at most`;
  if ('json' in tree && maxMessage > MOST_JSON_BYTES) {
    return `JSON criteria need messages of at most ${MOST_JSON_BYTES} bytes: set maxMessage`;
  }
  return null;
}
