import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
export const chromiumPath = CANDIDATES.find((path) => path !== '' && existsSync(path));
/** For node:test's `skip`. */
export const noChromium = chromiumPath === undefined ? 'Chromium is not installed (apt-get install chromium)' : false;

/** What was compiled: pages import the client library from here. */
const DIST = fileURLToPath(new URL('../../', import.meta.url));

/** Headless Chromium on an empty page of localhost, which is a secure context. `/src/client/index.js` is the client library. */
export class ChromiumPage {
  private constructor(
    readonly browser: Browser,
    readonly page: Page,
    readonly server: Server,
  ) {}

  static async open(): Promise<ChromiumPage> {
    const server = createServer((request, response) => {
      const path = join(DIST, new URL(request.url ?? '/', 'http://page').pathname);
      if (path.endsWith('.js') && path.startsWith(join(DIST, 'src')) && existsSync(path)) {
        response.setHeader('content-type', 'text/javascript');
        response.end(readFileSync(path));
        return;
      }
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>test</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({
      executablePath: chromiumPath as string,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const page = await browser.newPage();
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    return new ChromiumPage(browser, page, server);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}
