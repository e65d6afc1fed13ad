/** Profiles: opened from a store of a million, updated in memory, written behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import { BehavioralProfiler } from '../src/profile/behavioral-profiler.js';
import { encodeRecord } from '../src/profile/record/record-codec.js';
import { LmdbStore } from '../src/profile/store/lmdb-store.js';
import { Child } from './support/children.js';
import { clientName, fullProfile, tickUpdate } from './support/full-profile.js';

const CLIENTS = Number(process.env.CLIENTS ?? 1_000_000);
const LIVE = 100_000;
const BATCH = 1000;

const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-profiles-'));
try {
  const store = await LmdbStore.open(folder);
  const started = performance.now();
  for (let from = 0; from < CLIENTS; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => [clientName(from + i), fullProfile(from + i)] as const);
    await store.write(batch);
  }
  const seconds = (performance.now() - started) / 1000;
  await store.close();
  const bytes = encodeRecord(fullProfile(1)).length;
  console.log(
    `${CLIENTS} profiles of ${bytes} bytes written to LMDB: ${Math.round(CLIENTS / seconds)} a second, made and all`,
  );
  const { hello } = await Child.start<Record<'p50' | 'p99' | 'p999' | 'anonymous', number>>('./profile-store.js', [
    folder,
    String(CLIENTS),
  ]);
  const us = (value: number) => `${value.toFixed(1)} us`;
  console.log(`getProfile and settings at open: p50 ${us(hello.p50)}, p99 ${us(hello.p99)}, p99.9 ${us(hello.p999)}`);
  console.log(`anonymous memory of that process: ${(hello.anonymous / 1e6).toFixed(0)} MB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const profiler = new BehavioralProfiler({ maxProfiles: LIVE });
const names = Array.from({ length: LIVE }, (_, i) => clientName(i));
let timestamp = 1_800_000_000_000;
for (const name of names) profiler.updateProfile(name, tickUpdate(name, timestamp, true));
const bench = new Bench({ time: 3000, warmupTime: 1000 });
bench.add(`a tick of ${LIVE} live clients`, () => {
  timestamp += 1000;
  for (const name of names) profiler.updateProfile(name, tickUpdate(name, timestamp));
});
await bench.run();
const [task] = bench.tasks;
const { result } = task as { result: { latency?: { mean: number }; throughput?: { mean: number } } };
const perSecond = LIVE / ((result.latency?.mean ?? Number.NaN) / 1000);
console.log(`updateProfile in memory, ${LIVE} live clients: ${Math.round(perSecond)} a second on a core`);

const written = mkdtempSync(join(tmpdir(), 'tidegate-bench-written-'));
try {
  const behind = await BehavioralProfiler.open({ maxProfiles: LIVE }, await LmdbStore.open(written));
  const rounds = 5;
  let begun = performance.now();
  const round = async (opened: boolean): Promise<void> => {
    timestamp += 1000;
    for (const name of names) behind.updateProfile(name, tickUpdate(name, timestamp, opened));
    await behind.flush();
  };
  const perSecondSince = (updates: number): number => Math.round(updates / ((performance.now() - begun) / 1000));
  await round(true);
  console.log(`sessions opened, each written behind to LMDB: ${perSecondSince(LIVE)} a second`);
  begun = performance.now();
  for (let i = 0; i < rounds; i++) await round(false);
  console.log(`updateProfile, each written behind to LMDB: ${perSecondSince(rounds * LIVE)} a second`);
  await behind.close();
} finally {
  rmSync(written, { recursive: true, force: true });
}
