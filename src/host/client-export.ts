import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BehavioralProfile, PredictionMemory } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';

/** All that is kept of a client under one of its names. */
export interface ClientExport {
  client: string;
  profile: BehavioralProfile | null;
  /** What the model keeps between sessions: numbers that mean something to it alone. */
  memory: (Omit<PredictionMemory, 'state'> & { state: number[] }) | null;
  /** Files of recorded sequences (sizes and times), as base64. */
  sequences: { file: string; bytes: string }[];
  /** What settings did to its sessions. */
  decisions: unknown[];
}

export async function exportClient(client: string, profiler: Profiler, dataDir: string): Promise<ClientExport> {
  await profiler.prepare(client);
  const profile = profiler.getProfile(client);
  const memory = profiler.memoryOf(client);
  const replay = join(dataDir, 'replay');
  const files = (await readdir(replay).catch(() => [])).filter((name) => name.split('.')[2] === client);
  return {
    client,
    profile: profile.lastSeen === 0 ? null : profile,
    memory: memory === null ? null : { ...memory, state: [...memory.state] },
    sequences: await Promise.all(
      files.map(async (file) => ({ file, bytes: (await readFile(join(replay, file))).toString('base64') })),
    ),
    decisions: await decisionsOf(client, join(dataDir, 'decisions')),
  };
}

async function decisionsOf(client: string, folder: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      if (line.includes(`"client":"${client}"`)) found.push(JSON.parse(line));
    }
  }
  return found;
}
