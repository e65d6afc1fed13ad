import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeSequences, sequenceFiles } from '../predict/store/replay-store.js';
import type { BehavioralProfile, PredictionMemory } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import type { HostConfig } from './config.js';
import { DecisionRecord } from './decision-record.js';
import { createIdentifier } from './identity/create-identifier.js';
import type { Identifier } from './identity/identifier.js';
import { keyFileOf, loadKeys } from './keys.js';
import type { Log } from './prediction/messages.js';
import { ProfileKeeper } from './profile-keeper.js';

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

export interface ClientDataParts {
  profiler: Profiler;
  identifier: Identifier;
  record: DecisionRecord;
  dataDir: string;
  /** Makes a predictor that runs let go of clients, and of what is older than `before`; resolves when it has. */
  letGo(clients: readonly string[], before: number): Promise<void>;
}

/**
 * All that is kept of clients, wherever it lies: profiles, sequences recorded for training, what settings did. `name` is a
 * pseudonym, or `sub:[ISSUER|]SUBJECT`, `hook:NAME`, `token:TOKEN`, `address:IP[|NAME]`.
 */
export class ClientData {
  constructor(readonly parts: ClientDataParts) {}

  get #replay(): string {
    return join(this.parts.dataDir, 'replay');
  }

  /** Removes everything of a client. Resolves with its pseudonyms when no trace is left. */
  async forget(name: string): Promise<string[]> {
    const clients = this.parts.identifier.namesOf(name);
    await this.parts.profiler.forget(clients);
    await this.forgetBeside(clients);
    return clients;
  }

  /** Removes what there is of clients beside their profiles, and sequences that began before a time, ms since the epoch. */
  async forgetBeside(clients: readonly string[], before = 0): Promise<void> {
    await this.parts.letGo(clients, before);
    await removeSequences(this.#replay, clients, before);
    if (clients.length > 0) await this.parts.record.forget(clients);
  }

  /** All that there is of a client, by each of its names. */
  async export(name: string): Promise<ClientExport[]> {
    return await Promise.all(this.parts.identifier.namesOf(name).map((client) => this.#exportOne(client)));
  }

  async #exportOne(client: string): Promise<ClientExport> {
    const { profiler, record } = this.parts;
    await profiler.prepare(client);
    const profile = profiler.getProfile(client);
    const memory = profiler.memoryOf(client);
    const sequences: ClientExport['sequences'] = [];
    for (const file of await sequenceFiles(this.#replay, [client])) {
      sequences.push({ file, bytes: (await readFile(join(this.#replay, file))).toString('base64') });
    }
    return {
      client,
      profile: profile.lastSeen === 0 ? null : profile,
      memory: memory === null ? null : { ...memory, state: [...memory.state] },
      sequences,
      decisions: await record.of(client),
    };
  }
}

/** The data of a host that does not run; `use` gets it for as long as it takes. Throws TIDEGATE_E_LOCKED where one does. */
export async function withClientData<T>(config: HostConfig, use: (data: ClientData) => Promise<T>): Promise<T> {
  const log: Log = (level, message, detail) => {
    if (level === 'error') process.emitWarning(`${message}: ${JSON.stringify(detail)}`);
  };
  const keys = await loadKeys(keyFileOf(config));
  // Hooks name nobody here.
  const identifier = await createIdentifier({ ...config.identity, hook: undefined }, keys);
  const keeper = await ProfileKeeper.open(config, null, log);
  try {
    const record = new DecisionRecord(join(config.dataDir, 'decisions'), log);
    const { profiler } = keeper;
    return await use(new ClientData({ profiler, identifier, record, dataDir: config.dataDir, letGo: async () => {} }));
  } finally {
    await keeper.close();
  }
}
