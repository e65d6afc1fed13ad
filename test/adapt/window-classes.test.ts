import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WindowClasses } from '../../src/adapt/window-classes.js';

test('windows follow the largest buffers of a prefix of late, in classes; who is not known gets the usual one', () => {
  const windows = new WindowClasses();
  assert.equal(windows.windowOf('a'), 131_072);
  windows.note('a', 10_000);
  assert.equal(windows.windowOf('a'), 32_768);
  windows.note('a', 300_000);
  assert.equal(windows.windowOf('a'), 524_288);
  assert.equal(windows.windowOf('b'), 131_072);
  windows.note('a', 1e9);
  assert.equal(windows.windowOf('a'), 1_048_576);
  for (let i = 0; i < 200; i++) windows.note('a', 1000);
  assert.equal(windows.windowOf('a'), 32_768, 'what was long ago fades');
});

test('no more prefixes are kept than so many: those longest unused give way', () => {
  const windows = new WindowClasses();
  for (let i = 0; i < 10_001; i++) windows.note(`p${i}`, 1000);
  assert.equal(windows.windowOf('p0'), 131_072);
  assert.equal(windows.windowOf('p10000'), 32_768);
});
