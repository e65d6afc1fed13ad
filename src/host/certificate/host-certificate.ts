import { isIP } from 'node:net';
import type { HostConfig } from '../config.js';
import type { CertificatePair } from '../shard/messages.js';
import {
  type CertificateSource,
  certificateHash,
  FileCertificate,
  SelfSignedCertificate,
} from './certificate-source.js';

/** A host's certificate: that of its configuration, or one that it makes for itself; followed as it changes. */
export class HostCertificate {
  private constructor(readonly source: CertificateSource) {}

  /** Rejects where the files of the configuration are of no use. */
  static async open(
    { cert, key, dataDir, host }: HostConfig,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Promise<HostCertificate> {
    if (cert !== undefined && key !== undefined) {
      return new HostCertificate(await FileCertificate.open(cert, key, onChange, onError));
    }
    const names = [...new Set(['localhost', '127.0.0.1', '::1', ...(isIP(host) || host.includes('.') ? [host] : [])])];
    return new HostCertificate(await SelfSignedCertificate.open(dataDir, names, onChange, onError));
  }

  get pair(): CertificatePair {
    return this.source.current;
  }

  get hash(): string {
    return certificateHash(this.source.current.certificate);
  }

  /** What `/.well-known/tidegate` answers. */
  get wellKnown(): Record<string, unknown> {
    return { certificateHash: this.hash, nextCertificateHash: this.source.nextHash };
  }
}
