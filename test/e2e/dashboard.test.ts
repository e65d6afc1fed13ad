import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { chromiumPath, noChromium } from '../support/chromium.js';
import { TestClient } from '../support/client.js';
import { HostProcess } from '../support/host-process.js';

const hosts: HostProcess[] = [];
const browsers: Browser[] = [];
const clients: TestClient[] = [];
after(async () => {
  for (const client of clients) await client.close();
  for (const browser of browsers) await browser.close();
  for (const host of hosts) await host.stop();
});
const options = { skip: noChromium, timeout: 90_000 };

/** The dashboard in Chromium, and what its console said. */
async function openDashboard(host: HostProcess, path = '/'): Promise<{ page: Page; errors: string[] }> {
  const browser = await chromium.launch({
    executablePath: chromiumPath as string,
    args: ['--no-sandbox', '--disable-gpu'],
  });
  browsers.push(browser);
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${host.announcement.adminUrl}${path}`);
  return { page, errors };
}

test(
  'the dashboard shows load, sessions and one of them, in both themes, with nothing from elsewhere',
  options,
  async () => {
    const host = await HostProcess.start();
    hosts.push(host);
    const client = await TestClient.create(host);
    clients.push(client);
    const opened = await client.open(`${host.url}/echo`);
    await client.ping(opened);
    const { page, errors } = await openDashboard(host);
    const foreign: string[] = [];
    page.on('request', (sent) => {
      if (!sent.url().startsWith(host.announcement.adminUrl)) foreign.push(sent.url());
    });
    await page.waitForFunction(() => /serves 1 sessions/.test(document.getElementById('summary')?.textContent ?? ''));
    await page.waitForSelector('#sessions-chart canvas');
    assert.match((await page.textContent('#facts')) ?? '', /predicted by(model|averages)/);

    await page.click('[data-view=sessions]');
    await page.waitForSelector('.row[data-id]');
    assert.match((await page.textContent('.row[data-id]')) ?? '', /echo/);
    await page.focus('#list');
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => /128 features/.test(document.getElementById('detail')?.textContent ?? ''));
    assert.match((await page.textContent('#detail')) ?? '', /security level0, normal/);

    const theme = async (): Promise<string | undefined> =>
      await page.evaluate(() => document.documentElement.dataset.theme);
    const before = await theme();
    await page.click('#theme');
    assert.notEqual(await theme(), before);
    await page.setViewportSize({ width: 380, height: 700 });
    // Charts follow the width a frame later.
    await page.waitForFunction(() => document.body.scrollWidth <= document.body.clientWidth + 1);

    await page.click('[data-view=host]');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.click('[data-action=observe]');
    await page.waitForFunction(() =>
      /Refused: an action needs the token/.test(document.getElementById('answer')?.textContent ?? ''),
    );
    // The refused action is a failed request, and nothing else went wrong.
    assert.deepEqual(
      errors.filter((text) => !text.includes('401')),
      [],
    );
    assert.deepEqual(foreign, []);
  },
);

test('a host that goes is said to be gone, and ten thousand sessions are a list like any other', options, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  const { page, errors } = await openDashboard(host);
  await page.click('[data-view=sessions]');
  const took = await page.evaluate(async () => {
    const path: string = '/sessions.js';
    const { SessionList } = (await import(path)) as {
      SessionList: new (
        list: Element,
        rows: Element,
        select: () => void,
      ) => {
        set(sessions: { columns: string[]; rows: unknown[][] }): void;
      };
    };
    const place = document.createElement('div');
    place.id = 'list';
    const rows = document.createElement('div');
    rows.id = 'rows';
    place.append(rows);
    document.body.append(place);
    const many = new SessionList(place, rows, () => {});
    const columns = ['id', 'client', 'function', 'risk', 'predictedRate', 'rateLimit', 'bytes', 'openSeconds'];
    const sessions = Array.from({ length: 10_000 }, (_, i) => [
      `0-${i}`,
      `client ${i}`,
      'echo',
      (i % 97) / 97,
      i,
      i,
      i,
      i,
    ]);
    const began = performance.now();
    for (let second = 0; second < 5; second++) many.set({ columns, rows: sessions });
    return { ms: (performance.now() - began) / 5, rows: rows.childElementCount };
  });
  assert.ok(took.rows < 60, `${took.rows} rows are in the page`);
  await host.stop();
  await page.waitForFunction(() => /not heard/.test(document.getElementById('summary')?.textContent ?? ''));
  assert.deepEqual(
    errors.filter((text) => !/ERR_|Failed to load/.test(text)),
    [],
  );
});

test(
  'a session by hand: datagrams and a stream come back, and the page says what the host thinks of it',
  options,
  async () => {
    const host = await HostProcess.start();
    hosts.push(host);
    const { page, errors } = await openDashboard(host, '/play.html');
    await page.click('#open');
    await page.waitForFunction(() => /^session \d/.test(document.getElementById('summary')?.textContent ?? ''));
    await page.waitForFunction(() => /came back[1-9]/.test(document.getElementById('facts')?.textContent ?? ''));
    await page.click('#stream');
    await page.waitForFunction(
      () => /1\.00 MB came back/.test(document.getElementById('happened')?.textContent ?? ''),
      null,
      {
        timeout: 60_000,
      },
    );
    await page.waitForFunction(() => /forecast\d.*risk0/.test(document.getElementById('facts')?.textContent ?? ''));
    assert.match((await page.textContent('#facts')) ?? '', /limit.*level\d/);
    await page.fill('#function', 'nonsense');
    await page.click('#close');
    assert.equal(await page.textContent('#summary'), 'not connected');
    await page.click('#open');
    await page.waitForFunction(() => /no session/.test(document.getElementById('happened')?.textContent ?? ''));
    // A refused session is a failed request, and nothing else went wrong.
    assert.deepEqual(
      errors.filter((text) => !/WebTransport|ERR_/.test(text)),
      [],
    );
  },
);

test('the dashboard’s listener answers to its own name, with a strict policy', { timeout: 30_000 }, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  const { adminUrl } = host.announcement;
  const page = await fetch(`${adminUrl}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/);
  for (const path of ['/dashboard.js', '/charts.js', '/sessions.js', '/dashboard.css', '/uplot.js', '/uplot.css']) {
    assert.equal((await fetch(`${adminUrl}${path}`)).status, 200, path);
  }
  for (const path of ['/..%2fpackage.json', '/__proto__', '/toString']) {
    assert.equal((await fetch(`${adminUrl}${path}`)).status, 404, path);
  }
  assert.equal((await fetch(`${adminUrl}/sessions/0-1`)).status, 404);
  const rebound = await new Promise<number | undefined>((resolve, reject) => {
    request(`${adminUrl}/events`, { headers: { host: 'evil.example' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(rebound, 421);
});
