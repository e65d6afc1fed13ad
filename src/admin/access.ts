import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../predict/store/atomic-file.js';
import { TidegateError } from '../quic/errors.js';

const NAME = 'admin.json';
const TOKEN_BYTES = 32;

const accessFile = z.object({ url: z.url(), token: z.string().min(32) });

/** Where a host's admin listener is, and what opens its actions: in the data folder, for its owner alone. */
export type Access = z.infer<typeof accessFile>;

async function read(dataDir: string): Promise<Access | null> {
  try {
    return accessFile.parse(JSON.parse(await readFile(join(dataDir, NAME), 'utf8')));
  } catch {
    return null;
  }
}

/** Publishes a listener's address; the token stays the same from start to start. Returns it. */
export async function publishAccess(dataDir: string, url: string): Promise<string> {
  const token = (await read(dataDir))?.token ?? randomBytes(TOKEN_BYTES).toString('base64url');
  const path = join(dataDir, NAME);
  await writeAtomically(path, `${JSON.stringify({ url, token })}\n`, 0o600);
  return token;
}

/** Whether a header `Authorization: Bearer …` bears the token. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const given = Buffer.from(/^Bearer (.+)$/.exec(header ?? '')?.[1] ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Asks the host that holds a data folder to do something. Throws TIDEGATE_E_ADMIN where it can't be reached, or refuses. */
export async function askHost(dataDir: string, action: string, body: object): Promise<unknown> {
  return await callHost(dataDir, `/actions/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Reads a page of JSON of the host that holds a data folder; null where there is none. Throws TIDEGATE_E_ADMIN. */
export async function readHost(dataDir: string, path: string): Promise<unknown> {
  return await callHost(dataDir, path, {});
}

async function callHost(dataDir: string, path: string, request: RequestInit): Promise<unknown> {
  const access = await read(dataDir);
  const fail = (reason: string, cause?: unknown): TidegateError =>
    new TidegateError('TIDEGATE_E_ADMIN', `the host that holds ${dataDir}: ${reason}`, {
      hint: `its admin listener is named in ${join(dataDir, NAME)}`,
      cause,
    });
  if (access === null) throw fail('where its admin listener is can not be told');
  let response: Response;
  try {
    const headers = { ...request.headers, authorization: `Bearer ${access.token}` };
    response = await fetch(`${access.url}${path}`, { ...request, headers });
  } catch (cause) {
    throw fail((cause as Error).message, cause);
  }
  if (request.method === undefined && response.status === 404) return null;
  const answer = (await response.json().catch(() => ({ error: `status ${response.status}` }))) as { error?: string };
  if (!response.ok) throw fail(answer.error ?? `status ${response.status}`);
  return answer;
}
