import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingReplies } from '../../src/host/pending-replies.js';

test('answers find their questions; what stays away, or comes too late, is answered in its place', async () => {
  const replies = new PendingReplies<string>(20, 'none');
  const asked: number[] = [];
  const send = (request: number): void => void asked.push(request);
  const [first, second, third] = [replies.ask(send), replies.ask(send), replies.ask(send)];
  replies.answer(asked[1], 'two');
  replies.answer(asked[0], 'one');
  assert.deepEqual(await Promise.all([first, second]), ['one', 'two']);
  assert.equal(await third, 'none');
  replies.answer(asked[2], 'too late');
  const fourth = replies.ask(send);
  replies.giveUp();
  assert.equal(await fourth, 'none');
});
