import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { HostConfig } from '../config.js';
import type { Log } from '../prediction/messages.js';
import type { CertificatePair } from '../shard/messages.js';
import {
  type CertificateSource,
  certificateHash,
  FileCertificate,
  SelfSignedCertificate,
} from './certificate-source.js';
import { objectionAt, validityOf } from './objections.js';

/** ms between two looks at whether clients take it. */
const LOOK_EVERY = 3_600_000;
/** ms after which it is said again. */
const SAY_EVERY = 86_400_000;

/** A host's certificate: that of its configuration, or one that it makes for itself; followed as it changes. */
export class HostCertificate {
  #saidAt = Number.NEGATIVE_INFINITY;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    readonly source: CertificateSource,
    private readonly log: Log,
    private readonly now: () => number,
  ) {
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_EVERY).unref();
  }

  /** Rejects where the files of the configuration are of no use. */
  static async open(
    { cert, key, dataDir, host }: HostConfig,
    log: Log,
    onChange: () => void,
    now: () => number = Date.now,
  ): Promise<HostCertificate> {
    let live: HostCertificate | null = null;
    const changed = (): void => {
      live?.changed();
      onChange();
    };
    const failed = ({ message }: Error): void => log('error', 'the certificate stays as it is', { error: message });
    const names = [...new Set(['localhost', '127.0.0.1', '::1', ...(isIP(host) || host.includes('.') ? [host] : [])])];
    live = new HostCertificate(
      cert !== undefined && key !== undefined
        ? await FileCertificate.open(cert, key, changed, failed)
        : await SelfSignedCertificate.open(dataDir, names, changed, failed, now),
      log,
      now,
    );
    return live;
  }

  get pair(): CertificatePair {
    return this.source.current;
  }

  get hash(): string {
    return certificateHash(this.source.current.certificate);
  }

  get #read(): X509Certificate {
    return new X509Certificate(this.pair.certificate);
  }

  /** ms since 1970. */
  get notAfter(): number {
    return validityOf(this.#read).to;
  }

  /** Why clients don't take it, or soon won't; null: they do. */
  get problem(): string | null {
    return objectionAt(this.now(), this.#read, this.source.due)?.reason ?? null;
  }

  /** What `/.well-known/tidegate` answers. */
  get wellKnown(): Record<string, unknown> {
    return { certificateHash: this.hash, nextCertificateHash: this.source.nextHash };
  }

  /** Says once a day what is wrong with it. */
  look(): void {
    const { problem } = this;
    if (problem === null || this.now() - this.#saidAt < SAY_EVERY) return;
    this.#saidAt = this.now();
    this.log('error', `the certificate ${problem}`, { hash: this.hash });
  }

  private changed(): void {
    this.#saidAt = Number.NEGATIVE_INFINITY;
    this.look();
  }

  close(): void {
    clearInterval(this.#timer);
    this.source.close();
  }
}
