import { X509Certificate } from 'node:crypto';
import { constants, existsSync, readFileSync } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { objectionAt, validityOf } from '../host/certificate/objections.js';
import { type HostConfigInput, parseConfig } from '../host/config.js';
import { mostTcpConnections, openFileLimit } from '../host/open-files.js';
import { processors } from '../host/processors.js';
import { canReusePort, MINIMUM_NODE } from '../host/runtime-support.js';
import { assertPortFree } from '../net/udp-driver.js';
import { OnnxSession } from '../predict/runtime.js';
import { BASE_MODEL } from '../predict/store/model-store.js';

/** What a check found; `mend` says what to do where it is not good. */
interface Finding {
  check: string;
  is: 'good' | 'worse' | 'bad';
  found: string;
  mend?: string;
}

/** Bytes of socket buffer that the host asks for. */
const WANTED_BUFFER = 4 * 1024 * 1024;
const WANTED_FILES = 4096;
const DAY_MS = 86_400_000;

const good = (check: string, found: string): Finding => ({ check, is: 'good', found });

function ofNode(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = MINIMUM_NODE;
  const isOld = major < leastMajor || (major === leastMajor && minor < leastMinor);
  const found = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  if (!isOld) return good('Node', found);
  return { check: 'Node', is: 'bad', found, mend: `use Node ${MINIMUM_NODE.join('.')} or later` };
}

function ofShards(): Finding {
  const cores = processors();
  const found = `${cores} processors`;
  if (canReusePort()) return good('shards', `${found}, and the port can be shared`);
  return {
    check: 'shards',
    is: cores > 1 ? 'worse' : 'good',
    found: `${found}, and one shard: the port can't be shared`,
    ...(cores > 1 ? { mend: 'use Node 22.12 or later on Linux, for a shard a processor' } : {}),
  };
}

function ofBuffers(): Finding {
  const path = '/proc/sys/net/core/rmem_max';
  if (!existsSync(path)) return good('UDP buffers', 'the system does not say');
  const most = Number(readFileSync(path, 'utf8'));
  const found = `at most ${most} bytes are granted`;
  if (most >= WANTED_BUFFER) return good('UDP buffers', found);
  return {
    check: 'UDP buffers',
    is: 'worse',
    found,
    mend: `for many thousand packets a second: sysctl -w net.core.rmem_max=${WANTED_BUFFER} net.core.wmem_max=${WANTED_BUFFER}`,
  };
}

function ofFiles(): Finding {
  const check = 'open files';
  const limit = openFileLimit();
  if (limit === Number.POSITIVE_INFINITY) return good(check, 'the system does not say how many there may be');
  const found = `${limit} at once, so ${mostTcpConnections(1, limit)} TCP connections at most`;
  return limit >= WANTED_FILES
    ? good(check, found)
    : { check, is: 'worse', found, mend: 'raise the limit: ulimit -n, or LimitNOFILE' };
}

async function ofUdp(host: string, port: number): Promise<Finding> {
  const check = 'UDP port';
  try {
    await assertPortFree(host, port);
    return good(check, `${host}:${port} is free`);
  } catch (error) {
    return { check, is: 'bad', found: (error as Error).message, mend: 'choose another with --port, or end who has it' };
  }
}

async function ofTcp(check: string, host: string, port: number, flag: string): Promise<Finding> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) =>
      resolve({ check, is: 'bad', found: error.message, mend: `choose another with ${flag}, or end who has it` }),
    );
    server.listen(port, host, () => server.close(() => resolve(good(check, `${host}:${port} is free`))));
  });
}

function ofCertificate(path: string | undefined): Finding {
  const check = 'certificate';
  if (path === undefined) return good(check, 'a self-signed one, renewed by itself: browsers trust it by its hash');
  try {
    const certificate = new X509Certificate(readFileSync(path));
    const name = certificate.subject.replaceAll('\n', ', ');
    const objection = objectionAt(Date.now(), certificate);
    const days = Math.floor((validityOf(certificate).to - Date.now()) / DAY_MS);
    if (objection === null) return good(check, `${name}, ${days} days left`);
    return { check, is: objection.isBad ? 'bad' : 'worse', found: `${name}: it ${objection.reason}`, mend: 'renew it' };
  } catch (error) {
    return { check, is: 'bad', found: (error as Error).message, mend: 'give a PEM file that can be read' };
  }
}

async function ofFolder(folder: string): Promise<Finding> {
  const check = 'data folder';
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.R_OK | constants.W_OK);
    return good(check, `${folder} can be written to`);
  } catch (error) {
    return {
      check,
      is: 'bad',
      found: (error as Error).message,
      mend: 'choose another with --data-dir, or grant the rights',
    };
  }
}

function ofClock(): Finding {
  const year = new Date().getUTCFullYear();
  const found = new Date().toISOString();
  if (year >= 2025 && year < 2100) return good('clock', found);
  return { check: 'clock', is: 'bad', found, mend: 'set it: certificates and tokens have dates' };
}

async function ofModel(path: string | undefined): Promise<Finding> {
  try {
    const session = await OnnxSession.create(readFileSync(path ?? BASE_MODEL));
    await session.release();
    return good('model', 'onnxruntime loads it');
  } catch (error) {
    return {
      check: 'model',
      is: 'worse',
      found: (error as Error).message,
      mend: 'without it averages predict: npm i onnxruntime-node --onnxruntime-node-install=skip',
    };
  }
}

/** Runs `tidegate doctor`: looks at what a host needs, and says how to mend what is not there. Returns whether it would start. */
export async function doctor(input: HostConfigInput, json: boolean): Promise<boolean> {
  const config = parseConfig(input);
  const findings = [
    ofNode(),
    ofShards(),
    ofBuffers(),
    ofFiles(),
    await ofUdp(config.host, config.port),
    ...(config.tcp ? [await ofTcp('TCP port', config.host, config.port, '--port')] : []),
    await ofTcp('admin port', config.adminHost, config.adminPort, '--admin-port'),
    ofCertificate(config.cert),
    await ofFolder(config.dataDir),
    ofClock(),
    await ofModel(config.prediction.model),
  ];
  if (json) console.log(JSON.stringify(findings));
  else {
    const SIGNS = { good: 'good ', worse: 'could be better', bad: 'BAD  ' };
    for (const { check, is, found, mend } of findings) {
      console.log(`${SIGNS[is].padEnd(16)}${check.padEnd(14)}${found}`);
      if (mend !== undefined) console.log(`${' '.repeat(30)}${mend}`);
    }
  }
  return findings.every(({ is }) => is !== 'bad');
}
