/** What a handshake costs the server in CPU, and what an idle session keeps resident, at 5,000 connections. */
import { Child, sleep } from './support/children.js';

const SESSIONS = Number(process.env.SESSIONS ?? 5000);

interface State {
  cpu: number;
  rss: number;
  totals: { connections: number };
}

const server = await Child.start<{ url: string; hash: string }>('./bench-host.js');
const { url, hash } = server.hello;
// Code is loaded and compiled by the first few.
const warm = await Child.start('./echo-client.js', [url, hash, '200', '0']);
warm.child.stop();
await sleep(500);
const before = await server.child.ask<State>();
const client = await Child.start('./echo-client.js', [url, hash, String(SESSIONS), '0']);
const opened = await server.child.ask<State>();
await sleep(3000);
const idle = await server.child.ask<State>();
console.log(
  `${SESSIONS} handshakes: ${((opened.cpu - before.cpu) / SESSIONS / 1000).toFixed(3)} ms of server CPU each`,
);
console.log(
  `${SESSIONS} idle sessions on connections of their own: ${((idle.rss - before.rss) / SESSIONS / 1024).toFixed(1)} KB each`,
);
client.child.stop();
server.child.stop();
