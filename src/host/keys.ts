import { hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../predict/store/atomic-file.js';
import { TidegateError } from '../quic/errors.js';
import { sealIdentity } from './control/seal-shares.js';
import type { PseudonymKey } from './identity/pseudonyms.js';
import type { ShardKeys } from './shard/messages.js';

/** What a host derives from its key file; the first of each list is for what is new. */
export interface HostKeys {
  shard: ShardKeys;
  pseudonyms: PseudonymKey[];
  tokens: Uint8Array[];
  /** Signs what goes to remote endpoints. */
  endpoint: Uint8Array;
}

const keyFile = z.strictObject({
  format: z.literal(1),
  /** Newest first: the first makes what is new, all are understood. */
  keys: z
    .array(
      z.strictObject({
        /** Key version in connection IDs, 0 to 6. */
        version: z.int().min(0).max(6),
        createdAt: z.iso.datetime(),
        secret: z.base64(),
      }),
    )
    .min(1)
    .max(7),
});

/** Where a host's keys are. */
export function keyFileOf({ keys, dataDir }: { keys?: string | undefined; dataDir: string }): string {
  return keys ?? join(dataDir, 'keys.json');
}

type KeyFile = z.infer<typeof keyFile>;

const SECRET_BYTES = 32;

function derive(secret: Uint8Array, purpose: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `tidegate ${purpose}`, bytes));
}

function newKey(version: number, now = Date.now()): KeyFile['keys'][number] {
  return { version, createdAt: new Date(now).toISOString(), secret: randomBytes(SECRET_BYTES).toString('base64') };
}

/**
 * The keys of a host or a fleet: secrets in one versioned file, and from each by HKDF-SHA-256 what connection IDs,
 * Retry tokens, stateless resets and pseudonyms need. Made at first start; another start at the same time gets the
 * same file.
 */
export async function loadKeys(path: string): Promise<HostKeys> {
  const { keys } = await readKeyFile(path);
  const secrets = keys.map(({ secret }) => Buffer.from(secret, 'base64'));
  const each = (purpose: string): Uint8Array[] => secrets.map((secret) => derive(secret, purpose, 32));
  return {
    shard: {
      cid: keys.map(({ version }, i) => ({ version, key: derive(secrets[i], 'connection id', 16) })),
      retry: each('retry token'),
      reset: derive(secrets[0], 'stateless reset', 32),
      seal: derive(secrets[0], 'seal identity', 32),
    },
    pseudonyms: each('pseudonym').map((key, i) => ({ version: keys[i].version, key })),
    tokens: each('anonymous token'),
    endpoint: derive(secrets[0], 'endpoint', 32),
  };
}

/** The public keys (Ed25519, base64url) that vouch for shares to seal to, of each key of a file, newest first. */
export async function sealIdentities(path: string): Promise<string[]> {
  const { keys } = await readKeyFile(path);
  return keys.map(({ secret }) => sealIdentity(derive(Buffer.from(secret, 'base64'), 'seal identity', 32)));
}

async function readKeyFile(path: string): Promise<KeyFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error as Error);
    text = await createKeyFile(path);
  }
  let parsed: KeyFile;
  try {
    parsed = keyFile.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(path, error as Error);
  }
  if (parsed.keys.some(({ secret }) => Buffer.from(secret, 'base64').length < SECRET_BYTES)) {
    throw unreadable(path, new Error(`a secret is shorter than ${SECRET_BYTES} bytes`));
  }
  return parsed;
}

const MOST_KEYS = 7;
/** Nobody else reads it. */
const SECRET = 0o600;

/**
 * Makes a new key the first. The others are understood until they are older than `retentionMs` beyond the key that came after
 * them: by then what they named is gone. Returns how many there are.
 */
export async function rotateKeys(path: string, retentionMs: number, now = Date.now()): Promise<number> {
  const { keys } = await readKeyFile(path);
  const kept = keys.filter((_, i) => i === 0 || now - Date.parse(keys[i - 1].createdAt) < retentionMs);
  const versions = new Set(kept.map(({ version }) => version));
  if (kept.length >= MOST_KEYS) {
    throw new TidegateError('TIDEGATE_E_KEYS', `${path} holds ${kept.length} keys that are still needed`, {
      hint: 'rotate less often, or shorten the retention',
    });
  }
  const [first] = kept;
  let version = (first.version + 1) % MOST_KEYS;
  while (versions.has(version)) version = (version + 1) % MOST_KEYS;
  await writeAtomically(
    path,
    `${JSON.stringify({ format: 1, keys: [newKey(version, now), ...kept] }, null, 2)}\n`,
    SECRET,
  );
  return kept.length + 1;
}

async function createKeyFile(path: string): Promise<string> {
  const text = `${JSON.stringify({ format: 1, keys: [newKey(0)] } satisfies KeyFile, null, 2)}\n`;
  const aside = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(aside, text, { mode: SECRET, flush: true });
    // link fails where the file is there: of two that start at once both use the first one's.
    await link(aside, path);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return await readFile(path, 'utf8');
    throw unreadable(path, error as Error);
  } finally {
    await rm(aside, { force: true });
  }
}

function unreadable(path: string, cause: Error): TidegateError {
  return new TidegateError('TIDEGATE_E_KEYS', `can't use the key file ${path}: ${cause.message}`, {
    hint: 'mend it, give another with --keys, or remove it for new keys (clients then get new pseudonyms)',
    cause,
  });
}
