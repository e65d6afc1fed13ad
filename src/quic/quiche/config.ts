import { createPrivateKey, X509Certificate } from 'node:crypto';
import { TidegateError } from '../errors.js';
import type { NativeConfig, NativeQuiche } from '../native.js';
import type { QuicEndpointOptions } from '../options.js';

const encoder = new TextEncoder();
/**
 * quiche 0.18 keeps as many paths as it takes connection IDs and lets go of none: a connection can change its address
 * one time less than this in its life.
 */
const PATHS_WITH_MIGRATION = 16;

/** Throws TIDEGATE_E_CERTIFICATE where one of them can't be read or they don't belong together. */
export function checkCertificate(certificate: string, privateKey: string): void {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', 'the certificate is not readable PEM', {
      hint: 'give a chain that starts with -----BEGIN CERTIFICATE-----',
      cause,
    });
  }
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(privateKey);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', 'the private key is not readable PEM', {
      hint: 'give an unencrypted PKCS#8, SEC1 or PKCS#1 key',
      cause,
    });
  }
  if (!parsed.checkPrivateKey(key)) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', 'certificate and private key do not belong together', {
      hint: 'give the key that the certificate was issued for',
    });
  }
}

/** Bytes that each stream is granted at first; connections copy it when they are made. */
export function setStreamWindow(config: NativeConfig, bytes: number): void {
  config.setInitialMaxStreamDataBidiLocal(bytes);
  config.setInitialMaxStreamDataBidiRemote(bytes);
  config.setInitialMaxStreamDataUni(bytes);
}

function applyTransport(config: NativeConfig, options: QuicEndpointOptions): NativeConfig {
  const t = options.transport;
  config.setApplicationProtos(options.protocols);
  config.setMaxIdleTimeout(t.idleTimeoutMs);
  config.setMaxRecvUdpPayloadSize(65527);
  config.setMaxSendUdpPayloadSize(t.maxUdpPayload);
  config.setInitialMaxData(t.initialConnectionWindow);
  setStreamWindow(config, t.initialStreamWindow);
  config.setMaxConnectionWindow(t.maxConnectionWindow);
  config.setMaxStreamWindow(t.maxStreamWindow);
  config.setInitialMaxStreamsBidi(t.maxBidirectionalStreams);
  config.setInitialMaxStreamsUni(t.maxUnidirectionalStreams);
  config.setActiveConnectionIdLimit(t.allowMigration ? PATHS_WITH_MIGRATION : 2);
  config.setDisableActiveMigration(!t.allowMigration);
  config.enableDgram(true, t.datagramQueue, t.datagramQueue);
  // The binding does not say when a packet is due, so quiche's pacer is ignored. But without it quiche 0.18 takes packets for sent
  // when its pacer last moved: with a window of less than ten packets the round trip it measures grows without end. With it packets
  // seem to leave later than they do, which HyStart++ takes for a queue that fills.
  config.enablePacing(true);
  config.enableHystart(false);
  if (options.keyLogFile !== undefined) config.logKeys();
  return config;
}

export function serverConfig(
  quiche: NativeQuiche,
  options: QuicEndpointOptions,
  certificate: string,
  privateKey: string,
): NativeConfig {
  checkCertificate(certificate, privateKey);
  let config: NativeConfig;
  try {
    config = quiche.Config.withBoringSslCtx(
      false,
      false,
      null,
      [encoder.encode(privateKey)],
      [encoder.encode(certificate)],
      null,
    );
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', `TLS refuses the certificate: ${(cause as Error).message}`, {
      hint: 'use ECDSA P-256 or RSA',
      cause,
    });
  }
  return applyTransport(config, options);
}

export function clientConfig(quiche: NativeQuiche, options: QuicEndpointOptions): NativeConfig {
  const roots = options.client?.trustedRoots ?? null;
  const config = quiche.Config.withBoringSslCtx(
    roots !== null,
    false,
    roots === null ? null : encoder.encode(roots),
    null,
    null,
    null,
  );
  return applyTransport(config, options);
}

/** A stateless reset token as quiche takes it. */
export function resetTokenNumber(token: Buffer): bigint {
  return BigInt(`0x${token.toString('hex')}`);
}
