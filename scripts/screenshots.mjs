// `node scripts/screenshots.mjs`: takes the pictures of the dashboard in docs/ from a host that serves and is abused.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cli = join(root, 'dist', 'src', 'cli', 'main.js');
const folder = mkdtempSync(join(tmpdir(), 'tidegate-pictures-'));
const SECONDS = 100;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const demo = spawn(process.execPath, [cli, 'demo', '--json', '--data-dir', folder], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
const { adminUrl } = JSON.parse(
  await new Promise((resolve) => demo.stdout.once('data', (line) => resolve(String(line)))),
);
await sleep(SECONDS * 1000);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const colorScheme of ['light', 'dark']) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 780 }, colorScheme });
  await page.goto(`${adminUrl}/`);
  await sleep(2500);
  await page.screenshot({ path: join(root, 'docs', `dashboard-overview-${colorScheme}.png`) });
  await page.click('[data-view=sessions]');
  await page.waitForSelector('.row[data-id]');
  await page.click('.row[data-id]');
  await sleep(25_000);
  await page.screenshot({ path: join(root, 'docs', `dashboard-session-${colorScheme}.png`), fullPage: true });
  await page.close();
}
await browser.close();
demo.kill('SIGTERM');
await new Promise((resolve) => demo.once('exit', resolve));
rmSync(folder, { recursive: true, force: true });
