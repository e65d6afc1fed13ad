import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { CapsuleFraming } from '../../src/http2/capsule-framing.js';
import { NO_LIMITS } from '../../src/http2/peer-limits.js';
import { TcpSession } from '../../src/http2/session.js';
import { SILENT_SESSION } from '../../src/http3/session.js';
import { DuplexChannel } from '../../src/net/duplex-channel.js';

/** A stream whose other side reads nothing until it is let. */
class Slow extends Duplex {
  #next: (() => void) | null = null;

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#next = done;
  }

  proceed(): void {
    const next = this.#next;
    this.#next = null;
    next?.();
  }
}

function joined() {
  const duplex = new Slow();
  const channel = new DuplexChannel(duplex, { accept() {}, reject() {}, abort: () => duplex.destroy() });
  const options = { own: NO_LIMITS, peer: NO_LIMITS, announces: false };
  const session = new TcpSession(channel, (events) => new CapsuleFraming(events), options);
  const told: string[] = [];
  session.handler = { ...SILENT_SESSION, onClosed: ({ reason }) => void told.push(reason) };
  channel.attach(session);
  session.accept();
  return { duplex, channel, session, told };
}

test('a full channel says so, and that there is room again', async () => {
  const { duplex, session } = joined();
  let sent = 0;
  while (session.sendDatagram(new Uint8Array(1000)) === 'sent') sent++;
  assert.ok(sent >= 16 && sent < 100, `${sent} datagrams`);
  for (let i = 0; i < sent; i++) {
    duplex.proceed();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(session.sendDatagram(new Uint8Array(1000)), 'sent');
  duplex.destroy();
});

test('a peer that takes none of the answers it is owed is let go before they fill the memory', async () => {
  const { duplex, channel, told } = joined();
  let written = 0;
  while (!duplex.destroyed && written < 1e8) {
    channel.write(new Uint8Array(1000));
    written += 1000;
  }
  assert.ok(written > 1e6 && written < 1.1e6, `${written} bytes`);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, ['the connection ended']);
  assert.equal(channel.write(new Uint8Array(1)), false);
});

test('a peer that does not end its side is let go', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { duplex, session } = joined();
  session.close(1, 'enough');
  t.mock.timers.tick(900);
  assert.equal(duplex.destroyed, false);
  t.mock.timers.tick(200);
  assert.equal(duplex.destroyed, true);
});
