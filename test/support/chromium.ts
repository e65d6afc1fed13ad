import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, normalize } from 'node:path';
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
const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));
/** The library that the client falls back to, as browsers have it. */
const LIBRARY = dirname(fileURLToPath(import.meta.resolve('@fails-components/webtransport')));
const PAGE = `<!doctype html><title>test</title><script type="importmap">
{"imports": {
  "@fails-components/webtransport": "/library/index.browser.js",
  "/library/webstreams.js": "/library/webstreams.browser.js",
  "debug": "data:text/javascript,export default () => () => {}"
}}
</script>`;

/** The file of a module that a page imports. */
function moduleAt(path: string): string | null {
  const [, room, ...rest] = normalize(path).split('/');
  const folder = room === 'src' ? SOURCES : room === 'library' ? LIBRARY : null;
  const file = folder === null ? '' : join(folder, ...rest);
  return file.endsWith('.js') && existsSync(file) ? file : null;
}

/**
 * Headless Chromium on an empty page of localhost, which is a secure context. `/src/client/index.js` is the client library. It
 * finds no host but this machine.
 */
export class ChromiumPage {
  private constructor(
    readonly browser: Browser,
    readonly page: Page,
    readonly server: Server,
  ) {}

  /** `trusted`: SHA-256 of the public keys (SPKI, base64) whose certificates need nobody's word. */
  static async open(trusted: readonly string[] = []): Promise<ChromiumPage> {
    const server = createServer((request, response) => {
      const file = moduleAt(new URL(request.url ?? '/', 'http://page').pathname);
      response.setHeader('content-type', file === null ? 'text/html' : 'text/javascript');
      response.end(file === null ? PAGE : readFileSync(file));
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
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
        ...(trusted.length === 0 ? [] : [`--ignore-certificate-errors-spki-list=${trusted.join(',')}`]),
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
