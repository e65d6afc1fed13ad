import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectSubprotocol } from '../../src/net/websocket-upgrade.js';

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
