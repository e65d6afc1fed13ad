/**
 * `node profile-store.js FOLDER CLIENTS`: opens profiles at random, keys drawn uniformly, as a host does when sessions open, and
 * tells how long each took and how much memory it holds. A process of its own, so that the memory is its own.
 */
import { readFileSync } from 'node:fs';
import { DEFAULT_POLICY, settingsFor } from '../../src/adapt/settings.js';
import { BehavioralProfiler } from '../../src/profile/behavioral-profiler.js';
import { LmdbStore } from '../../src/profile/store/lmdb-store.js';
import { clientName } from './full-profile.js';

const [folder, clients] = process.argv.slice(2);
const count = Number(clients);
const store = await LmdbStore.open(folder);
const profiler = await BehavioralProfiler.open({}, store);
const OPENINGS = 200_000;
const times = new Float64Array(OPENINGS);
// Every page once, so that the page cache has it.
for (let i = 0; i < count; i++) store.read(clientName(i));
for (let i = 0; i < OPENINGS; i++) {
  const client = clientName(Math.floor(Math.random() * count));
  const started = performance.now();
  const profile = profiler.getProfile(client, { functionId: 'echo', timestamp: Date.now() });
  const settings = settingsFor(profile, DEFAULT_POLICY);
  times[i] = performance.now() - started;
  if (settings.bufferSize === 0 || profile.sessionsSeen === 0) throw new Error(`${client} is not there`);
  if (i % 1000 === 0) await profiler.flush();
}
times.sort();
const anonymous = Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
const at = (share: number): number => times[Math.floor(OPENINGS * share)] * 1000;
process.send?.({ p50: at(0.5), p99: at(0.99), p999: at(0.999), anonymous });
process.exit();
