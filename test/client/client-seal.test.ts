import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ClientSeal } from '../../src/client/client-seal.js';
import { SEALED_STREAM_HEAD, unitAt } from '../../src/control/sealing.js';
import { SealDemand } from '../../src/host/control/seal-demand.js';
import { SealShares, sealIdentity } from '../../src/host/control/seal-shares.js';
import type { HostSeal } from '../../src/host/control/session-seal.js';

const policy = { from: 2, to: 'host', key: null } as const;
const seed = randomBytes(32);
const pins = { hosts: [sealIdentity(seed)] };
const bytes = (text: string) => new TextEncoder().encode(text);

async function agreed(): Promise<{ client: ClientSeal; host: HostSeal }> {
  const demand = new SealDemand(new SealShares(seed), 'session', 10);
  const message = demand.ask(policy, 'a test', 0);
  const client = await ClientSeal.agree(message, 'session', pins);
  assert.ok(client !== null);
  const seal = demand.answer(message.id, client.key, 1);
  assert.ok(seal?.host != null);
  assert.equal(demand.answer(message.id, client.key, 1), null, 'a demand is answered once');
  return { client, host: seal.host };
}

test('datagrams: sealed, opened once, and not when they were touched', async () => {
  const { client, host } = await agreed();
  const sealed = await client.datagram(bytes('hello'));
  assert.ok(!Buffer.from(sealed).includes('hello'));
  assert.equal(Buffer.from(host.openDatagram(sealed)).toString(), 'hello');
  assert.equal(host.openDatagram(sealed), 'again');
  const touched = await client.datagram(bytes('hello'));
  for (const at of [0, 7, 8, touched.length - 1]) {
    const copy = touched.slice();
    copy[at] ^= 1;
    assert.equal(host.openDatagram(copy), 'foreign', `byte ${at}`);
  }
  assert.equal(host.openDatagram(touched.subarray(0, 20)), 'foreign');
  assert.ok(typeof host.openDatagram(touched) !== 'string', 'what could not be opened is not taken for seen');
  const answer = Uint8Array.from(host.datagram(bytes('back')));
  assert.equal(Buffer.from((await client.openDatagram(answer)) ?? []).toString(), 'back');
  assert.equal(await client.openDatagram(answer), null);
});

test('a message that is longer than a record is several of them', async () => {
  const { client, host } = await agreed();
  const message = new Uint8Array(150_000).map((_, i) => i % 251);
  const sealed = await client.stream(message);
  const unit = unitAt(sealed, 4);
  const parts: Uint8Array[] = [];
  const view = new DataView(sealed.buffer);
  let flag = 0;
  for (let at = SEALED_STREAM_HEAD; at < sealed.length; at += 4 + view.getUint32(at)) {
    assert.equal(flag, 0, 'the last one ends it');
    flag = sealed[at + 4];
    const closed = sealed.subarray(at + 5, at + 4 + view.getUint32(at));
    const part = host.open('stream', unit, parts.length, flag, closed);
    assert.ok(part !== null && part.length <= 65_536);
    parts.push(part);
  }
  assert.deepEqual([flag, parts.length], [1, 3]);
  assert.deepEqual(Buffer.concat(parts), Buffer.from(message));
});

test('a stream that waited while many datagrams went by is taken', async () => {
  const { client, host } = await agreed();
  const waiting = await client.stream(bytes('late'));
  for (let i = 0; i < 5000; i++) {
    assert.ok(typeof host.openDatagram(await client.datagram(bytes('early'))) !== 'string');
  }
  assert.equal(host.accept('stream', unitAt(waiting, 4)), true);
  assert.equal(host.accept('stream', unitAt(waiting, 4)), false);
  const answer = host.stream()(bytes('late'), true);
  for (let i = 0; i < 5000; i++) {
    assert.ok((await client.openDatagram(Uint8Array.from(host.datagram(bytes('early'))))) !== null);
  }
  assert.equal(Buffer.from(await client.openStream(Uint8Array.from(answer))).toString(), 'late');
});

test('streams: records in order, an end that can be told, no repetition', async () => {
  const { client, host } = await agreed();
  const sealed = await client.stream(bytes('message'));
  const unit = unitAt(sealed, 4);
  const record = sealed.subarray(SEALED_STREAM_HEAD + 4);
  assert.equal(Buffer.from(host.open('stream', unit, 0, record[0], record.subarray(1)) ?? []).toString(), 'message');
  assert.equal(host.open('stream', unit, 1, record[0], record.subarray(1)), null, 'another place');
  assert.equal(host.open('stream', unit, 0, 0, record.subarray(1)), null, 'not the last');
  assert.equal(host.open('datagram', unit, 0, record[0], record.subarray(1)), null, 'another kind');

  const write = host.stream();
  const whole = Buffer.concat([write(bytes('one'), false), write(bytes('two'), false), write(bytes(''), true)]);
  await assert.rejects(client.openStream(Uint8Array.from(whole.subarray(0, whole.length - 5))));
  const again = host.stream();
  const answer = Uint8Array.from(Buffer.concat([again(bytes('one'), false), again(bytes('two'), true)]));
  assert.equal(Buffer.from(await client.openStream(answer)).toString(), 'onetwo');
  await assert.rejects(client.openStream(answer), 'it came before');
});

test('a share is taken only where a pinned key vouches for it, for this session', async () => {
  const shares = new SealShares(seed);
  const message = new SealDemand(shares, 'session', 10).ask(policy, 'a test', 0);
  assert.equal(await ClientSeal.agree(message, 'another session', pins), null);
  assert.equal(await ClientSeal.agree(message, 'session', {}), null);
  assert.equal(await ClientSeal.agree(message, 'session', { hosts: [sealIdentity(randomBytes(32))] }), null);
  const other = new SealDemand(new SealShares(randomBytes(32)), 'session', 10).ask(policy, 'a test', 0);
  assert.equal(await ClientSeal.agree({ ...other, signature: message.signature }, 'session', pins), null);
  const endpoint = Buffer.from(message.key, 'base64url').toString('base64url');
  const named = { ...other, to: 'endpoint' as const, key: endpoint };
  assert.ok((await ClientSeal.agree(named, 'session', { endpoints: [endpoint] })) !== null);
});

test('an answer that is late, unasked or no share is none', () => {
  const demand = new SealDemand(new SealShares(seed), 'session', 10);
  assert.equal(demand.answer('x', 'y', 0), null);
  const { id } = demand.ask(policy, 'a test', 0);
  assert.equal(demand.isLate(9999), false);
  assert.equal(demand.isLate(10_000), true);
  assert.equal(demand.answer(id, 'A'.repeat(43), 10_001), null);
  // A share of low order would make the key known to everybody (RFC 7748 section 6.1).
  const zero = demand.ask(policy, 'a test', 0);
  assert.equal(demand.answer(zero.id, Buffer.alloc(32).toString('base64url'), 1), null);
});
