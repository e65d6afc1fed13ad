import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuicPair, SILENT } from '../support/quic-pair.js';

/** Lets so many ms pass for the server of a pair. */
function clockOf({ server }: QuicPair): (ms: number) => void {
  let passed = 0;
  const flush = server.flush.bind(server);
  server.flush = (now) => flush(now + passed);
  return (ms) => {
    passed += ms;
  };
}

test('a crowd that comes is served, and who is there is answered before it', async () => {
  const answers: string[] = [];
  const pair = await QuicPair.create({
    onConnection: (connection) => {
      answers.push('new');
      connection.handler = { ...SILENT, onDatagram: () => answers.push('there') };
    },
  });
  const pass = clockOf(pair);
  const there = pair.connect();
  await pair.runUntil(() => there.isEstablished);
  pass(1000);
  there.datagramSend(Uint8Array.of(0));
  await pair.runUntil(() => answers.includes('there'));
  answers.length = 0;
  const crowd = Array.from({ length: 30 }, () => pair.connect());
  // All of the crowd's packets come in front of the one of who is there.
  pair.client.flush(performance.now());
  there.datagramSend(Uint8Array.of(1));
  await pair.runUntil(() => crowd.every((connection) => connection.isEstablished));
  assert.equal(answers[0], 'there');
  assert.equal(answers.filter((answer) => answer === 'new').length, crowd.length);
});

test('an endpoint that closes tells everybody, those too that have just come', async () => {
  const pair = await QuicPair.create();
  const told: number[] = [];
  const crowd = Array.from({ length: 40 }, () => pair.connect({ onClosed: ({ code }) => told.push(code) }));
  await pair.runUntil(() => crowd.every((connection) => connection.isEstablished));
  pair.server.closeAll(7, 'done', performance.now());
  // Nothing more comes from the server: its socket is closed with that.
  for (const { from, packet } of pair.wire.splice(0)) {
    if (from === 'server') pair.client.receive(packet, '127.0.0.1', 2222, performance.now());
  }
  pair.client.flush(performance.now());
  assert.deepEqual(told, new Array(40).fill(7));
});

test('who came a while ago is served before who came just now', async () => {
  const heard: number[] = [];
  const pair = await QuicPair.create({
    onConnection: (connection) => {
      connection.handler = { ...SILENT, onDatagram: (bytes) => heard.push(bytes[0]) };
    },
  });
  const pass = clockOf(pair);
  const say = async (...connections: ReturnType<typeof pair.connect>[]): Promise<number[]> => {
    heard.length = 0;
    for (const connection of connections) connection.datagramSend(Uint8Array.of(connection.index));
    await pair.runUntil(() => heard.length === connections.length);
    return heard;
  };
  const old = pair.connect();
  await pair.runUntil(() => old.isEstablished);
  pass(1000);
  await say(old);
  const young = pair.connect();
  await pair.runUntil(() => young.isEstablished);
  assert.deepEqual(await say(young, old), [old.index, young.index]);
  pass(1000);
  await say(young);
  assert.deepEqual(await say(young, old), [young.index, old.index], 'now both have been there for a while');
});
