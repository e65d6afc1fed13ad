import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksForWebSocket, selectSubprotocol } from '../../src/net/websocket-upgrade.js';

test('the subprotocol: the first of ours, without what an application adds', () => {
  for (const [offered, selected] of [
    [undefined, null],
    ['', null],
    ['chat, webtransport', null],
    ['webtransport_kDraft3', null],
    ['webtransport_kDraft10', null],
    ['webtransport_kDraft2', 'webtransport_kDraft2'],
    ['chat,webtransport_kDraft1_proto, webtransport_kDraft2', 'webtransport_kDraft1'],
  ] as const) {
    assert.equal(selectSubprotocol(offered), selected, offered);
  }
});

test('what asks for a WebSocket has all that it takes, and no body', () => {
  const headers = { upgrade: 'WebSocket', 'sec-websocket-key': 'a' };
  const asks = (more: Record<string, string | undefined>, method = 'GET'): boolean =>
    asksForWebSocket({ method, headers: { ...headers, ...more } });
  assert.equal(asks({}), true);
  assert.equal(asks({ 'content-length': '0' }), true);
  assert.equal(asks({}, 'POST'), false);
  for (const wrong of [
    { upgrade: 'h2c' },
    { upgrade: undefined },
    { 'sec-websocket-key': undefined },
    { 'content-length': '10' },
    { 'transfer-encoding': 'chunked' },
  ]) {
    assert.equal(asks(wrong), false, JSON.stringify(wrong));
  }
});
