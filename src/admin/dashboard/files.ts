import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WEB = new URL('../../../../web/', import.meta.url);

/** Nothing from elsewhere: what the page is made of comes from here alone. */
export const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** And the page of a session by hand connects to the host itself. */
export function playPolicy(hostUrl: string): string {
  return CONTENT_SECURITY_POLICY.replace("connect-src 'self'", `connect-src 'self' ${hostUrl}`);
}

/** The client library as browsers load it. */
const CLIENT = fileURLToPath(new URL('../../', import.meta.url));
const CLIENT_FILE = /^\/(?:client|control)\/[a-z0-9-]+\.js$/;

/** Files of the dashboard, by path. */
const FILES: Record<string, { type: string; path: () => string }> = {
  '/': { type: 'text/html; charset=utf-8', path: () => fileURLToPath(new URL('index.html', WEB)) },
  '/dashboard.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('dashboard.js', WEB)) },
  '/charts.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('charts.js', WEB)) },
  '/sessions.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('sessions.js', WEB)) },
  '/play.html': { type: 'text/html; charset=utf-8', path: () => fileURLToPath(new URL('play.html', WEB)) },
  '/play.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('play.js', WEB)) },
  '/dashboard.css': { type: 'text/css', path: () => fileURLToPath(new URL('dashboard.css', WEB)) },
  '/uplot.js': {
    type: 'text/javascript',
    path: () => createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js'),
  },
  '/uplot.css': { type: 'text/css', path: () => createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css') },
};

/** A file of the dashboard; null where there is none of that path. */
export async function dashboardFile(path: string): Promise<{ type: string; body: Buffer } | null> {
  if (CLIENT_FILE.test(path)) {
    const body = await readFile(join(CLIENT, path)).catch(() => null);
    return body === null ? null : { type: 'text/javascript', body };
  }
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  return file === undefined ? null : { type: file.type, body: await readFile(file.path()) };
}
