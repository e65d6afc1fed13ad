import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../predict/store/atomic-file.js';
import { TidegateError } from '../../quic/errors.js';
import { checkCertificate } from '../../quic/quiche/config.js';
import type { CertificatePair } from '../shard/messages.js';
import { validityOf } from './objections.js';
import { createSelfSigned } from './self-signed.js';

const DAY = 86_400_000;
/** Self-signed: the next certificate is made (and its hash published) so long before the present one ends ... */
const NEXT_AHEAD = 6 * DAY;
/** ... and takes its place so long before. */
const SWITCH_AHEAD = 2 * DAY;
const CHECK_EVERY = 3_600_000;
/** Editors and certbot write in several steps. */
const SETTLE = 200;
/** ms between two looks at files: who waits to be told of changes hears of none where a link leads elsewhere, as certbot's do. */
const LOOK_EVERY = 2000;
/** So that clients whose clock is slow take it. */
const BACKDATE = 3_600_000;

/** SHA-256 of a PEM certificate's DER, hex: what serverCertificateHashes wants. */
export function certificateHash(certificate: string): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

export interface CertificateSource {
  readonly current: CertificatePair;
  /** Hash of the certificate that comes next, where that is known. */
  readonly nextHash: string | null;
  /** ms before its end when another should have taken its place, where its life does not say. */
  readonly due?: number;
  /** Looks again (SIGHUP). Errors leave the present one in place and are thrown. */
  reload(): Promise<void>;
  close(): void;
}

type OnChange = (pair: CertificatePair) => void;

/** A certificate and key given as files; followed when they change. */
export class FileCertificate implements CertificateSource {
  readonly nextHash = null;
  #timer: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;

  private constructor(
    /** Of the files as they were looked at last. */
    private mark: string,
    readonly certFile: string,
    readonly keyFile: string,
    public current: CertificatePair,
    readonly onChange: OnChange,
    readonly onError: (error: Error) => void,
  ) {}

  static async open(
    certFile: string,
    keyFile: string,
    onChange: OnChange,
    onError: (error: Error) => void,
  ): Promise<FileCertificate> {
    // Before they are read: what changes meanwhile is another.
    const mark = await markOf(certFile, keyFile);
    const pair = await readPair(certFile, keyFile);
    const source = new FileCertificate(mark, certFile, keyFile, pair, onChange, onError);
    source.#timer = setInterval(() => void source.#look(), LOOK_EVERY);
    source.#timer.unref();
    return source;
  }

  async #look(): Promise<void> {
    const mark = await markOf(this.certFile, this.keyFile);
    if (mark === this.mark) return;
    this.mark = mark;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.reload().catch(this.onError), SETTLE);
    this.#settling.unref();
  }

  async reload(): Promise<void> {
    const pair = await readPair(this.certFile, this.keyFile);
    if (pair.certificate === this.current.certificate && pair.privateKey === this.current.privateKey) return;
    this.current = pair;
    this.onChange(pair);
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
  }
}

/** Another where one of the files is, or where a link leads to another. */
async function markOf(...files: readonly string[]): Promise<string> {
  const marks = files.map(async (file) => {
    const { ino, mtimeMs, size } = await stat(file);
    return `${ino} ${mtimeMs} ${size}`;
  });
  return (await Promise.allSettled(marks)).map((mark) => (mark.status === 'fulfilled' ? mark.value : '')).join();
}

async function readPair(certFile: string, keyFile: string): Promise<CertificatePair> {
  const [certificate, privateKey] = await Promise.all([readPem('--cert', certFile), readPem('--key', keyFile)]);
  try {
    checkCertificate(certificate, privateKey);
  } catch (error) {
    const { message, code } = error as TidegateError;
    throw new TidegateError(code as 'TIDEGATE_E_CERTIFICATE', `${certFile}, ${keyFile}: ${message}`, { cause: error });
  }
  return { certificate, privateKey };
}

async function readPem(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', `can't read ${flag} ${file}: ${(cause as Error).message}`, {
      hint: 'give a readable PEM file',
      cause,
    });
  }
}

interface Stored {
  current: CertificatePair;
  next: CertificatePair | null;
}

/** A self-signed certificate kept in the data folder, renewed in time, with the next one's hash known ahead. */
export class SelfSignedCertificate implements CertificateSource {
  readonly due = SWITCH_AHEAD / 2;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    readonly file: string,
    readonly names: readonly string[],
    readonly onChange: OnChange,
    readonly now: () => number,
    private stored: Stored,
  ) {}

  static async open(
    dataDir: string,
    names: readonly string[],
    onChange: OnChange,
    onError: (error: Error) => void,
    now: () => number = Date.now,
  ): Promise<SelfSignedCertificate> {
    const file = join(dataDir, 'certificate.json');
    const stored = (await readStored(file)) ?? {
      current: await createSelfSigned(names, new Date(now() - BACKDATE)),
      next: null,
    };
    const source = new SelfSignedCertificate(file, names, () => {}, now, stored);
    await source.reload();
    const live = new SelfSignedCertificate(file, names, onChange, now, source.stored);
    live.#timer = setInterval(() => live.reload().catch(onError), CHECK_EVERY);
    live.#timer.unref();
    return live;
  }

  get current(): CertificatePair {
    return this.stored.current;
  }

  get nextHash(): string | null {
    return this.stored.next === null ? null : certificateHash(this.stored.next.certificate);
  }

  async reload(): Promise<void> {
    const before = this.stored.current.certificate;
    let { current, next } = this.stored;
    const left = (pair: CertificatePair) => validityOf(new X509Certificate(pair.certificate)).to - this.now();
    if (left(current) < NEXT_AHEAD && next === null)
      next = await createSelfSigned(this.names, new Date(this.now() - BACKDATE));
    if (left(current) < SWITCH_AHEAD && next !== null) {
      // One that was stopped for long finds both ended.
      current = left(next) < SWITCH_AHEAD ? await createSelfSigned(this.names, new Date(this.now() - BACKDATE)) : next;
      next = null;
    }
    this.stored = { current, next };
    await writeStored(this.file, this.stored);
    if (current.certificate !== before) this.onChange(current);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

async function readStored(file: string): Promise<Stored | null> {
  try {
    const stored = JSON.parse(await readFile(file, 'utf8')) as Stored;
    checkCertificate(stored.current.certificate, stored.current.privateKey);
    return stored;
  } catch {
    // None yet, or damaged: a new one costs nothing but a new hash.
    return null;
  }
}

async function writeStored(file: string, stored: Stored): Promise<void> {
  try {
    await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
    await writeAtomically(file, JSON.stringify(stored), 0o600);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_DATA_DIR', `can't write ${file}: ${(cause as Error).message}`, {
      hint: 'give a folder that can be written with --data-dir',
      cause,
    });
  }
}
