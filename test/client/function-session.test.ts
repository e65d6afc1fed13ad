import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { FunctionClient, FunctionSession } from '../../src/client/index.js';
import { AppError } from '../../src/control/codes.js';
import { ControlReader, encodeControl } from '../../src/control/frames.js';
import type { ClientMessage, HostMessage, TellableSettings } from '../../src/control/messages.js';
import { SealDemand } from '../../src/host/control/seal-demand.js';
import { SealShares, sealIdentity } from '../../src/host/control/seal-shares.js';
import { until } from '../support/client.js';

const settings: TellableSettings = {
  ...{ rateLimit: 1e6, burst: 1e6, packetRate: 1e3, bufferSize: 1e6 },
  ...{ securityLevel: 0, mode: 'enforce' },
};

/** A WebTransport to somebody who lets in and then says nothing. */
class Silent {
  static made = 0;
  static open = 0;
  readonly ready = Promise.resolve();
  readonly closed: Promise<object>;
  #end: (info: object) => void = () => {};

  constructor() {
    Silent.made++;
    Silent.open++;
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async createBidirectionalStream(): Promise<object> {
    return { readable: new ReadableStream(), writable: new WritableStream() };
  }

  close(): void {
    Silent.open--;
    this.#end({});
  }
}

const silent = { webTransport: Silent as unknown as typeof WebTransport, tokens: null, openWithinMs: 30 };

test('a host that says nothing is given up, and its session closed', async () => {
  await assert.rejects(FunctionSession.open('https://silent/f', silent), { code: 'no-welcome', message: /30 ms/ });
  assert.equal(Silent.open, 0);
});

test('a client that is kept open asks again where it hears nothing', async () => {
  Silent.made = 0;
  const client = FunctionClient.open('https://silent/f', { ...silent, firstWaitMs: 5 });
  const downs: string[] = [];
  await new Promise<void>((resolve) =>
    client.on('down', ({ error }) => {
      if (downs.push(error.message) === 3) resolve();
    }),
  );
  client.close();
  assert.ok(Silent.made >= 3);
});

test('a token is asked for before the host waits for it, and takes its own time', async () => {
  Silent.made = 0;
  let madeBefore = -1;
  const jwt = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    madeBefore = Silent.made;
    return 'token';
  };
  await assert.rejects(FunctionSession.open('https://silent/f', { ...silent, jwt }), { code: 'no-welcome' });
  assert.deepEqual([madeBefore, Silent.made], [0, 1]);
});

test('a host that wants to be asked again in a thousand years is asked in ten minutes', async () => {
  class Refusing extends Silent {
    override readonly closed = Promise.resolve({ closeCode: AppError['retry-later'], reason: 'in 31557600000000 ms' });

    override async createBidirectionalStream(): Promise<object> {
      throw new Error('closed');
    }
  }
  const client = FunctionClient.open('https://refusing/f', {
    webTransport: Refusing as unknown as typeof WebTransport,
    tokens: null,
  });
  const waitMs = await new Promise((resolve) => client.on('down', (down) => resolve(down.waitMs)));
  client.close();
  assert.equal(waitMs, 600_000);
});

test('what waits for a session that is over rejects, though its transport ends no stream', async () => {
  const welcome = encodeControl({ type: 'welcome', version: 1, session: '0-1', settings });
  class Deaf extends Silent {
    readonly datagrams = { readable: new ReadableStream(), writable: new WritableStream() };
    #isFirst = true;

    override async createBidirectionalStream(): Promise<object> {
      const says = this.#isFirst ? welcome : null;
      this.#isFirst = false;
      const readable = new ReadableStream({
        start: (controller) => (says === null ? undefined : controller.enqueue(says)),
      });
      return { readable, writable: new WritableStream() };
    }
  }
  const session = await FunctionSession.open('https://deaf/f', {
    webTransport: Deaf as unknown as typeof WebTransport,
    tokens: null,
  });
  const waiting = [
    session.request(new Uint8Array(1)),
    session.datagrams().next(),
    session.define({ id: 'a', endpoint: { function: 'f' } }),
  ];
  const rejected = waiting.map((each) => assert.rejects(each, { code: 'closed' }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  session.close();
  await Promise.all(rejected);
});

test('what is sent is sealed once the host says so, and not while it may not know how', async () => {
  const seed = randomBytes(32);
  const demand = new SealDemand(new SealShares(seed), '0-1', 10).ask({ from: 1, to: 'host', key: null }, 'a test', 0);
  let say: (message: HostMessage) => void = () => {};
  const sent: Uint8Array[] = [];
  const heard = new ControlReader();
  const said: ClientMessage[] = [];
  class Demanding extends Silent {
    readonly datagrams = {
      readable: new ReadableStream(),
      writable: new WritableStream({ write: (bytes) => void sent.push(bytes) }),
    };

    override async createBidirectionalStream(): Promise<object> {
      const readable = new ReadableStream({
        start: (controller) => {
          say = (message) => controller.enqueue(encodeControl(message));
          say({ type: 'welcome', version: 1, session: '0-1', settings });
        },
      });
      const writable = new WritableStream({
        write: (bytes) => void said.push(...(heard.push(bytes.subarray(bytes[0] === 0 ? 0 : 4)) as ClientMessage[])),
      });
      return { readable, writable };
    }
  }
  const session = await FunctionSession.open('https://demanding/f', {
    webTransport: Demanding as unknown as typeof WebTransport,
    tokens: null,
    pins: { hosts: [sealIdentity(seed)] },
  });
  say(demand);
  await until(() => said.some(({ type }) => type === 'sealed'));
  await session.sendDatagram(new TextEncoder().encode('plain'));
  assert.equal(Buffer.from(sent[0]).toString(), 'plain');
  say({ type: 'passed', id: 'of something else' });
  say({ type: 'passed', id: demand.id });
  await until(() => session.isSealed);
  await session.sendDatagram(new TextEncoder().encode('plain'));
  assert.equal(sent[1].length, 8 + 5 + 16);
  session.close();
});

test('a session that nobody waits for any more is closed, where that is possible only once it is open', async () => {
  class Slow extends Silent {
    #isOpen = false;
    override readonly ready = new Promise<void>((resolve) => {
      setTimeout(() => {
        this.#isOpen = true;
        resolve();
      }, 60);
    });

    override close(): void {
      if (this.#isOpen) super.close();
    }
  }
  Silent.open = 0;
  const slow = { ...silent, webTransport: Slow as unknown as typeof WebTransport };
  await assert.rejects(FunctionSession.open('https://slow/f', slow), { code: 'no-welcome' });
  assert.equal(Silent.open, 1);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(Silent.open, 0);
});
