import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultTokens } from '../../src/client/token-store.js';

test('tokens are kept in the page’s storage, and where that is closed or full by the program', (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');
  t.after(() => {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'localStorage');
    else Object.defineProperty(globalThis, 'localStorage', before);
  });
  const be = (get: () => unknown): void => {
    Object.defineProperty(globalThis, 'localStorage', { configurable: true, get });
  };
  const fail = (): never => {
    throw new Error('QuotaExceededError');
  };
  const items = new Map([['tidegate-token:a', 'of the last visit']]);
  be(() => ({
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, of: string) => items.set(key, of),
  }));
  assert.equal(defaultTokens.load('a'), 'of the last visit');
  defaultTokens.save('b', 'one');
  assert.equal(items.get('tidegate-token:b'), 'one');
  for (const [i, closed] of [fail, () => undefined, () => ({ getItem: () => null, setItem: fail })].entries()) {
    be(closed);
    assert.equal(defaultTokens.load(`c${i}`), null);
    defaultTokens.save(`c${i}`, 'two');
    assert.equal(defaultTokens.load(`c${i}`), 'two');
  }
});
