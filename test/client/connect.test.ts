import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/client/connect.js';

type Ready = 'at once' | 'never' | 'fails' | number;

interface Made {
  count: number;
  closed: number;
}

/** A WebTransport that becomes ready as told, and what became of those that were made. */
function transports(ready: Ready, name = ''): { made: Made; webTransport: typeof WebTransport } {
  const made = { count: 0, closed: 0 };
  class Fake {
    readonly name = name;
    readonly closed = new Promise(() => {});
    readonly ready: Promise<void>;

    constructor() {
      made.count++;
      this.ready = new Promise((resolve, reject) => {
        if (ready === 'at once') resolve();
        if (ready === 'fails') reject(new Error(`${name} failed`));
        if (typeof ready === 'number') setTimeout(resolve, ready);
      });
    }

    close(): void {
      made.closed++;
    }
  }
  return { made, webTransport: Fake as unknown as typeof WebTransport };
}

/** Of somebody who waits for ever. */
const { signal } = new AbortController();
let hosts = 0;

async function race(own: Ready, other: Ready, host = `h${hosts++}`) {
  const [platform, fallback] = [transports(own, 'own'), transports(other, 'other')];
  const outcome = await connect(
    new URL(`https://${host}/echo`),
    {},
    { webTransport: platform.webTransport, fallback: async () => fallback.webTransport, fallbackAfterMs: 20 },
    signal,
  ).then(
    (taken) => (taken as unknown as { name: string }).name,
    (error: Error) => error.message,
  );
  return { outcome, own: platform.made, other: fallback.made };
}

test('the platform’s WebTransport is taken where it is ready in time, and no fallback is begun', async () => {
  const { outcome, other } = await race('at once', 'at once');
  assert.deepEqual([outcome, other.count], ['own', 0]);
});

test('where it fails or takes too long the fallback is', async () => {
  for (const own of ['fails', 'never'] as const) {
    const { outcome } = await race(own, 'at once');
    assert.equal(outcome, 'other', own);
  }
});

test('the first of both that is ready is taken, and the other closed', async () => {
  const late = await race(60, 200);
  assert.equal(late.outcome, 'own');
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual([late.own.closed, late.other.closed], [0, 1]);
  const later = await race(100, 40);
  assert.equal(later.outcome, 'other');
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.deepEqual([later.own.closed, later.other.closed], [1, 0]);
});

test('where both fail it is the platform’s error that is told', async () => {
  assert.equal((await race('fails', 'fails')).outcome, 'own failed');
});

test('where UDP did not get through both are begun at once the next time, until it does', async () => {
  await race('never', 'at once', 'remembered');
  const again = await race(5, 'never', 'remembered');
  assert.deepEqual([again.outcome, again.other.count], ['own', 1]);
  const forgotten = await race(5, 'never', 'remembered');
  assert.deepEqual([forgotten.outcome, forgotten.other.count], ['own', 0]);
});

test('what the platform does not know of a WebTransport is no error where there is a fallback', async () => {
  class NotSupported {
    constructor() {
      throw new Error('hashes are not supported');
    }
  }
  const { webTransport } = transports('at once', 'other');
  const taken = await connect(
    new URL('https://not-supported/echo'),
    {},
    { webTransport: NotSupported as unknown as typeof WebTransport, fallback: async () => webTransport },
    signal,
  );
  assert.equal((taken as unknown as { name: string }).name, 'other');
});

test('where there is neither there is nothing; a fallback alone is enough', async () => {
  const url = new URL('https://neither/echo');
  assert.equal(globalThis.WebTransport, undefined);
  assert.equal(await connect(url, {}, {}, signal), undefined);
  const { webTransport } = transports('at once', 'other');
  const taken = await connect(url, {}, { fallback: async () => webTransport }, signal);
  assert.equal((taken as unknown as { name: string }).name, 'other');
});

test('who waits no longer leaves nothing open: neither what is not ready, nor what would have been begun', async () => {
  for (const [fallbackAfterMs, begun] of [
    [1, 1],
    [60, 0],
  ]) {
    const [platform, fallback] = [transports('never', 'own'), transports('never', 'other')];
    const late = new AbortController();
    const options = {
      webTransport: platform.webTransport,
      fallback: async () => fallback.webTransport,
      fallbackAfterMs,
    };
    void connect(new URL('https://late/echo'), {}, options, late.signal).catch(() => {});
    setTimeout(() => late.abort(), 30);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(
      [platform.made, fallback.made],
      [
        { count: 1, closed: 1 },
        { count: begun, closed: begun },
      ],
    );
  }
});
