import { inspect } from 'node:util';
import type { z } from 'zod';
import { Expected } from './expected.js';

type Issue = z.core.$ZodIssue;

const MOST_VALUE = 80;
/** Somebody mends them one after the other; and they may be a stranger's. */
const MOST_PROBLEMS = 10;
/** Characters that a stranger is told. */
const MOST_REASON = 200;

/** What zod says in words of its own, of no key and no unit; the schema knows better. */
const PLAIN = new Set<Issue['code']>(['invalid_type', 'invalid_value', 'invalid_union', 'too_small', 'too_big']);

/**
 * What is wrong with a value that a schema refused, one line a problem: the key, what it is, and what it has to be. Values that
 * the schema marks `writeOnly` are not shown, nor are users and passwords in addresses.
 * @param whole what the value as a whole is called
 */
export function problemsOf(schema: z.ZodType, error: z.ZodError, input: unknown, whole: string): string[] {
  return [...problems(schema, error, input, whole, true)];
}

/** The first of them for a stranger whose value it is: that may be anything, and reasons reach logs, so that it is not shown. */
export function problemForStranger(schema: z.ZodType, error: z.ZodError, input: unknown, whole: string): string {
  const [problem] = problems(schema, error, input, whole, false);
  return problem.slice(0, MOST_REASON);
}

function* problems(
  schema: z.ZodType,
  error: z.ZodError,
  input: unknown,
  whole: string,
  showsValues: boolean,
): Generator<string> {
  const expected = Expected.of(schema);
  const told = (issue: Issue): string => {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') {
      const keys = issue.keys
        .slice(0, MOST_PROBLEMS)
        .map((key) => nameOf([...path, key], whole))
        .join(', ');
      const known = expected.keysAt(path);
      return `unknown key ${keys}; ${known.length === 0 ? 'there are none here' : `known are ${known.join(', ')}`}`;
    }
    const name = nameOf(path, whole);
    const value = valueAt(input, path);
    const wanted = PLAIN.has(issue.code) ? expected.at(path) : null;
    const wish = wanted === null ? issue.message : `it has to be ${wanted}`;
    if (value === undefined) return `${name} is missing: ${wish}`;
    return showsValues && !expected.isSecret(path) ? `${name} is ${shown(value)}: ${wish}` : `${name}: ${wish}`;
  };
  let left = MOST_PROBLEMS;
  for (const issue of narrowed(error.issues, [], input)) {
    if (left-- === 0) return;
    yield told(issue);
  }
}

/** Issues, those of a union as what is wrong in the member that was meant, where one was. */
function* narrowed(issues: readonly Issue[], above: PropertyKey[], input: unknown): Generator<Issue> {
  for (const issue of issues) {
    const path = [...above, ...issue.path];
    const meant = issue.code === 'invalid_union' ? meantIn(issue.errors, valueAt(input, path)) : null;
    if (meant === null) yield { ...issue, path };
    else yield* narrowed(meant, path, input);
  }
}

/** What is wrong in the one member of a union that a value is of the kind of. */
function meantIn(members: readonly Issue[][], value: unknown): Issue[] | null {
  const meant = members.filter((issues) => issues.length > 0 && issues.every((one) => !isOfAnother(one, value)));
  return meant.length === 1 ? meant[0] : null;
}

/** Whether an issue says that a value is of another kind than a union's member, rather than wrong in some part. */
function isOfAnother({ path, code }: Issue, value: unknown): boolean {
  if (path.length > 0) return false;
  const isSimple = typeof value !== 'object' || value === null;
  return (
    code === 'unrecognized_keys' ||
    code === 'invalid_type' ||
    code === 'invalid_value' ||
    (isSimple && code === 'invalid_union')
  );
}

function nameOf(path: readonly PropertyKey[], whole: string): string {
  return path.length === 0 ? whole : path.map(String).join('.');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], input);
}

function shown(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  } catch {
    // What JSON has no words for: a BigInt, what contains itself.
    text = inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
  }
  text = text.replace(/(\w:\/\/)[^/@\s"]*@/g, '$1…@');
  return text.length > MOST_VALUE ? `${text.slice(0, MOST_VALUE)}…` : text;
}
