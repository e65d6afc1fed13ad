import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '../../../host/config.js';
import { createIdentifier } from '../../../host/identity/create-identifier.js';
import type { Identifier } from '../../../host/identity/identifier.js';
import { keyFileOf, loadKeys } from '../../../host/keys.js';
import { BehavioralProfiler } from '../../../profile/behavioral-profiler.js';
import { LmdbStore } from '../../../profile/store/lmdb-store.js';
import type { RecordedVisit } from './recorded-visits.js';

const TICK_MS = 1000;
/** Ticks between two writings. */
const FLUSH_EVERY = 20_000;

interface Tick {
  /** ms, on the recording's clock: of its end. */
  at: number;
  visit: number;
  bytes: number;
  seconds: number;
  opened: boolean;
  closed: boolean;
}

/** A visit as a host sees it: what came in each second in which anything did, and the time between. */
function ticksOf({ at, times, sizes }: RecordedVisit, visit: number): Tick[] {
  const ticks: Tick[] = [];
  for (let i = 0; i < times.length; i++) {
    const end = at + (Math.floor(times[i] / TICK_MS) + 1) * TICK_MS;
    const last = ticks.at(-1);
    if (last?.at === end) last.bytes += sizes[i];
    else {
      const seconds = (end - (last?.at ?? at)) / 1000;
      ticks.push({ at: end, visit, bytes: sizes[i], seconds, opened: last === undefined, closed: false });
    }
  }
  const last = ticks.at(-1);
  if (last !== undefined) last.closed = true;
  return ticks;
}

/** Names that a host gives clients of this machine that call themselves something. */
async function identifierOf(dataDir: string): Promise<Identifier> {
  const config = parseConfig({ dataDir });
  return await createIdentifier(config.identity, await loadKeys(keyFileOf(config)));
}

/** The pseudonym of a client of a recording. */
export function pseudonymOf(identifier: Identifier, client: string): string {
  return identifier.namesOf(`address:127.0.0.1|${client}`)[0];
}

/** What a host would say of openings now. */
export interface Prepared {
  profiler: BehavioralProfiler;
  identifier: Identifier;
}

/**
 * Makes a data folder whose profiles know the history, as if it had just ended: what came went back as well, as an echo does.
 * The profiles are open; who is done with them closes them.
 */
export async function prepareHistory(dataDir: string, history: readonly RecordedVisit[]): Promise<Prepared> {
  await mkdir(dataDir, { recursive: true });
  const identifier = await identifierOf(dataDir);
  const profiler = await BehavioralProfiler.open({}, await LmdbStore.open(join(dataDir, 'profiles')));
  const ticks = history.flatMap(ticksOf).sort((a, b) => a.at - b.at);
  const shift = Date.now() - (ticks.at(-1)?.at ?? 0);
  for (let i = 0; i < ticks.length; i++) {
    const { at, visit, bytes, seconds, opened, closed } = ticks[i];
    const { client } = history[visit];
    profiler.updateProfile(pseudonymOf(identifier, client), {
      ...{ timestamp: at + shift, bytesIn: bytes, bytesOut: bytes, seconds, opened, closed },
      ...{ session: String(visit), functionId: 'echo' },
    });
    if (i % FLUSH_EVERY === FLUSH_EVERY - 1) await profiler.flush();
  }
  await profiler.flush();
  return { profiler, identifier };
}
