import { RECORD_OVERHEAD } from '../../../control/sealing.js';
import { type Criterion, kindsOf, patternBytes, type Receive } from './criteria.js';
import { jsonField } from './json-field.js';

/** What of the unread data criteria are told by. */
export interface ReceiveState {
  bytes: number;
  /** Whole messages among them. */
  messages: number;
  /** Bits of the content criteria that a message met. */
  matched: number;
  /** ms since the first byte that waits. */
  elapsed: number;
  ended: boolean;
}

type Test = (state: ReceiveState) => boolean;
/** Looks at a message, or at as much of one as is there. */
type Content = (bytes: Uint8Array, from: number, to: number) => boolean;

/** Criteria as a function of the state of what waits, with what each message has to be looked at for. Nothing is made to test. */
export class CompiledCriteria {
  readonly #contents: { test: Content; needsWhole: boolean }[] = [];
  #sealed: CompiledCriteria | null = null;
  /** Whether the end of a stream is asked for: then it is told of though nothing came with it. */
  readonly wantsEnd: boolean;
  readonly isMet: Test;
  /** ms after the first byte at which a test may turn out otherwise without more data; Infinity: never. */
  readonly elapsed: number;

  constructor(readonly receive: Receive) {
    let elapsed = Number.POSITIVE_INFINITY;
    const compile = (tree: Criterion): Test => {
      if (tree === 'any') return ({ bytes }) => bytes > 0;
      if (tree === 'end') return ({ ended }) => ended;
      if ('bytes' in tree) return (state) => state.bytes >= tree.bytes;
      if ('messages' in tree) return (state) => state.messages >= tree.messages;
      if ('elapsed' in tree) {
        elapsed = Math.min(elapsed, tree.elapsed);
        return (state) => state.elapsed >= tree.elapsed;
      }
      if ('all' in tree) {
        const tests = tree.all.map(compile);
        return (state) => tests.every((test) => test(state));
      }
      if ('any' in tree) {
        const tests = tree.any.map(compile);
        return (state) => tests.some((test) => test(state));
      }
      const bit = 1 << this.#contents.length;
      this.#contents.push('json' in tree ? jsonContent(tree.json) : bytesContent(tree));
      return (state) => (state.matched & bit) !== 0;
    };
    this.isMet = compile(receive.when);
    this.wantsEnd = kindsOf(receive.when).has('end');
    this.elapsed = elapsed;
  }

  /** The same for sealed messages, each of which is a record of its stream. */
  get sealed(): CompiledCriteria {
    const { maxMessage, when } = this.receive;
    this.#sealed ??= new CompiledCriteria({ framing: 'u32', maxMessage: maxMessage + RECORD_OVERHEAD, when });
    return this.#sealed;
  }

  /** Whether it matters when data came. */
  get isTimed(): boolean {
    return this.elapsed < Number.POSITIVE_INFINITY;
  }

  get looksAtContent(): boolean {
    return this.#contents.length > 0;
  }

  /** Bits of the criteria that `bytes[from..to)` meets; of one that is not whole only those that its beginning can tell. */
  look(bytes: Uint8Array, from: number, to: number, isWhole: boolean): number {
    let matched = 0;
    for (let i = 0; i < this.#contents.length; i++) {
      const { test, needsWhole } = this.#contents[i];
      if ((isWhole || !needsWhole) && test(bytes, from, to)) matched |= 1 << i;
    }
    return matched;
  }
}

function bytesContent(tree: Extract<Criterion, { prefix: unknown } | { pattern: unknown }>) {
  const wanted = patternBytes('prefix' in tree ? tree.prefix : tree.pattern);
  const at = 'at' in tree ? tree.at : 0;
  const test: Content = (bytes, from, to) => {
    if (to - from < at + wanted.length) return false;
    for (let i = 0; i < wanted.length; i++) if (bytes[from + at + i] !== wanted[i]) return false;
    return true;
  };
  return { test, needsWhole: false };
}

function jsonContent({ field, equals, above, below }: Extract<Criterion, { json: unknown }>['json']) {
  const path = field.split('.');
  const test: Content = (bytes, from, to) => {
    const value = jsonField(bytes, from, to, path);
    if (equals !== undefined) return value === equals;
    if (typeof value !== 'number') return false;
    return above !== undefined ? value > above : value < (below as number);
  };
  return { test, needsWhole: true };
}
