import { FunctionClient } from './client/index.js';
import { LEVEL } from './sessions.js';

const at = (id) => document.getElementById(id);
const counts = { sent: 0, back: 0, bytesSent: 0, bytesBack: 0 };
let before = { ...counts };
let client = null;
let session = null;
let under = 0;
/** Datagrams that wait for the limits: more than these are not asked for. */
const MOST_UNDER_WAY = 200;

function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

function tell(about, text) {
  const list = at('happened');
  list.querySelector('.empty')?.remove();
  const line = document.createElement('li');
  for (const part of [new Date().toLocaleTimeString([], { hour12: false }), about, text]) {
    const span = document.createElement('span');
    span.textContent = part;
    line.append(span);
  }
  list.prepend(line);
  while (list.childElementCount > 50) list.lastChild.remove();
}

function facts(rows) {
  const list = at('facts');
  list.replaceChildren();
  for (const [name, value] of rows) {
    const term = document.createElement('dt');
    term.textContent = name;
    const detail = document.createElement('dd');
    detail.textContent = value;
    list.append(term, detail);
  }
}

/** The host's own certificate is trusted by its hash, and where a real authority vouches for it that does no harm. */
async function certificate() {
  const { certificateHash, url } = await (await fetch('/play.json')).json();
  const value = Uint8Array.from(certificateHash.match(/../g), (byte) => Number.parseInt(byte, 16));
  return { url, serverCertificateHashes: [{ algorithm: 'sha-256', value }] };
}

function listen(opened) {
  session = opened;
  at('summary').textContent = `session ${opened.id}`;
  at('stream').disabled = false;
  tell('session', `${opened.id}: ${size(opened.settings.rateLimit)}/s, buffer ${size(opened.settings.bufferSize)}`);
  opened.on('settings', ({ settings, reason }) =>
    tell('settings', `${size(settings.rateLimit)}/s, level ${settings.securityLevel}. ${reason}`),
  );
  opened.on('limits', ({ rateLimit, inMs, reason }) =>
    tell('limits', `in ${(inMs / 1000).toFixed(1)} s at least ${size(rateLimit)}/s. ${reason}`),
  );
  opened.on('capacity', ({ in1m, in5m, pace }) =>
    tell('capacity', `${Math.round(in1m * 100)} % full in a minute, ${Math.round(in5m * 100)} % in five; pace ${pace}`),
  );
  opened.on('challenge', ({ reason }) => tell('challenge', reason));
  opened.on('passed', () => tell('challenge', 'the proof was good'));
  opened.on('refused', ({ name, reason }) => tell('refused', `${name}: ${reason}`));
  opened.on('retry', ({ afterMs, reason }) => tell('retry', `in ${(afterMs / 1000).toFixed(1)} s: ${reason}`));
  opened.on('drain', () => tell('drain', 'the host closes'));
}

async function open() {
  at('open').disabled = true;
  try {
    const { url, serverCertificateHashes } = await certificate();
    client = FunctionClient.open(`${url}/${encodeURIComponent(at('function').value)}`, {
      serverCertificateHashes,
      paced: at('paced').checked,
    });
  } catch (error) {
    tell('session', `the host does not answer: ${error.message}`);
    at('open').disabled = false;
    return;
  }
  at('close').disabled = false;
  client.on('session', listen);
  client.on('down', ({ error, waitMs }) => {
    session = null;
    at('summary').textContent = 'no session';
    tell('session', `no session: ${error.message}; again in ${(waitMs / 1000).toFixed(1)} s`);
  });
  client.on('failed', (error) => {
    tell('session', `given up: ${error.message}`);
    closed();
  });
  for await (const datagram of client.datagrams()) {
    counts.back++;
    counts.bytesBack += datagram.length;
  }
}

function closed() {
  client = null;
  session = null;
  at('summary').textContent = 'not connected';
  at('open').disabled = false;
  at('close').disabled = true;
  at('stream').disabled = true;
}

at('open').addEventListener('click', () => void open());
at('close').addEventListener('click', () => {
  client?.close();
  tell('session', 'closed');
  closed();
});
at('stream').addEventListener('click', async () => {
  const began = performance.now();
  try {
    const answer = await client.request(new Uint8Array(1_000_000));
    tell('stream', `${size(answer.length)} came back in ${((performance.now() - began) / 1000).toFixed(2)} s`);
  } catch (error) {
    tell('stream', error.message);
  }
});
for (const name of ['rate', 'size']) {
  at(name).addEventListener('input', () => {
    at(`${name}-value`).textContent = at(name).value;
  });
}

const TURN_MS = 50;
let due = 0;
setInterval(() => {
  if (session === null) return;
  due = Math.min(due + (Number(at('rate').value) * TURN_MS) / 1000, MOST_UNDER_WAY);
  for (; due >= 1 && under < MOST_UNDER_WAY; due--) {
    const bytes = new Uint8Array(Number(at('size').value));
    under++;
    counts.sent++;
    counts.bytesSent += bytes.length;
    session
      .sendDatagram(bytes)
      .catch(() => {})
      .finally(() => under--);
  }
}, TURN_MS);

setInterval(async () => {
  const now = { ...counts };
  const since = (name) => now[name] - before[name];
  const rows = [
    ['sent', `${since('sent')} datagrams/s, ${size(since('bytesSent'))}/s`],
    ['came back', `${since('back')} datagrams/s, ${size(since('bytesBack'))}/s`],
  ];
  before = now;
  if (session !== null) {
    const { rateLimit, burst, bufferSize, securityLevel } = session.settings;
    rows.push(
      ['limit', `${size(rateLimit)}/s, ${size(burst)} at once; buffer ${size(bufferSize)}`],
      ['level', LEVEL[securityLevel]],
      ['pace', String(session.pace)],
    );
    const seen = await fetch(`/sessions/${session.id}`).catch(() => null);
    if (seen?.ok) {
      const { profile, forecast, risk, riskReasons, counts: judged } = await seen.json();
      rows.push(
        ['predicted', `${size(profile.predictedDataRate)}/s by its past`],
        ['forecast', forecast === null ? 'none' : `${size(forecast.dataRate)}/s, ${forecast.requestType}`],
        ['risk', `${risk.toFixed(2)}${riskReasons.length === 0 ? '' : `: ${riskReasons.join('; ')}`}`],
        ['dropped', `${judged.dropped} over the limit`],
      );
    }
  }
  facts(rows);
}, 1000);
