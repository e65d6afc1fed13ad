import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const WEB = new URL('../../../../web/', import.meta.url);

/** Nothing from elsewhere: what the page is made of comes from here alone. */
export const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Files of the dashboard, by path. */
const FILES: Record<string, { type: string; path: () => string }> = {
  '/': { type: 'text/html; charset=utf-8', path: () => fileURLToPath(new URL('index.html', WEB)) },
  '/dashboard.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('dashboard.js', WEB)) },
  '/charts.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('charts.js', WEB)) },
  '/sessions.js': { type: 'text/javascript', path: () => fileURLToPath(new URL('sessions.js', WEB)) },
  '/dashboard.css': { type: 'text/css', path: () => fileURLToPath(new URL('dashboard.css', WEB)) },
  '/uplot.js': {
    type: 'text/javascript',
    path: () => createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js'),
  },
  '/uplot.css': { type: 'text/css', path: () => createRequire(import.meta.url).resolve('uplot/dist/uPlot.min.css') },
};

/** A file of the dashboard; null where there is none of that path. */
export async function dashboardFile(path: string): Promise<{ type: string; body: Buffer } | null> {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  return file === undefined ? null : { type: file.type, body: await readFile(file.path()) };
}
