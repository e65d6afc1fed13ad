import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openFunction } from '../support/function-client.js';
import { FunctionHosts, moduleOf, text } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

test('a session that drains before it closes ends as any does: with its code, and its streams with it', {
  timeout: 60_000,
}, async () => {
  const host = await hosts.start({
    functions: { trouble: { endpoint: moduleOf('troublesome'), receive: { when: 'end' } } },
  });
  const place = { url: host.url, hash: host.certificateHash };
  const { transport } = await openFunction(place, 'trouble');
  const { readable, writable } = await transport.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(text('hang'));
  await writer.close();
  const answer = assert.rejects(new Response(readable).arrayBuffer());
  await host.close(0);
  assert.equal((await transport.closed).closeCode, 0);
  await answer;
});
