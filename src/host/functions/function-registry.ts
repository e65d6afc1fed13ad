import type { AppErrorName } from '../../control/codes.js';
import type { Define } from '../../control/messages.js';
import { TidegateError } from '../../quic/errors.js';
import { problemForStranger } from '../../validation/problems.js';
import type { HostConfig } from '../config.js';
import type { SealPolicy } from '../control/seal-policy.js';
import type { FunctionCalls } from '../shard/messages.js';
import { builtInFunctions } from './built-in.js';
import { CallStats } from './call-stats.js';
import { AddressGuard } from './endpoints/address-guard.js';
import type { Endpoint } from './endpoints/endpoint.js';
import { ModuleEndpoint } from './endpoints/module-endpoint.js';
import type { RemoteEndpoint } from './endpoints/remote-endpoint.js';
import type { RemoteEndpoints } from './endpoints/remote-endpoints.js';
import { loadTracing, TracedEndpoint, type Tracing } from './endpoints/traced-endpoint.js';
import { isRemote, mappingShape } from './function-config.js';
import type { HostFunction } from './host-function.js';
import { MappedFunction, type Mapping } from './mapped-function.js';
import { type PeerFinder, PeerFunction } from './peers/peer-function.js';
import type { BufferPool } from './receive/buffer-pool.js';
import { CompiledCriteria } from './receive/compiled-criteria.js';
import { kindsOf, looksAtContent, objectionTo, receiveSchema } from './receive/criteria.js';

type FunctionConfig = HostConfig['functions'][string];

/** All that a shard needs to make functions of; crosses the thread border by structured clone. */
export interface FunctionTable {
  functions: HostConfig['functions'];
  builtIn: HostConfig['builtIn'];
  clientFunctions: HostConfig['clientFunctions'];
  endpoints: HostConfig['endpoints'];
  /** Signs calls of remote endpoints. */
  endpointKey: Uint8Array;
  maxBufferSize: number;
  /** Calls of endpoints are OpenTelemetry spans. */
  tracing: boolean;
}

/** A function as a shard has it. */
export interface RegisteredFunction {
  id: string;
  /** Place of its buckets, from 1. */
  index: number;
  weight: number;
  mode: 'enforce' | 'observe' | undefined;
  hostFunction: HostFunction;
  /** Null for those that are not mapped. */
  mapping: Mapping | null;
}

/** What a client's own function invokes. */
type Target = Pick<Mapping, 'endpoints' | 'deadlineMs' | 'seal'>;

/** What became of a client's own function. */
export type Defined =
  | { hostFunction: HostFunction; seal: SealPolicy | null }
  | { problem: AppErrorName; reason: string };

/** What a call may take of an address that a client named. */
const CLIENT_DEADLINE_MS = 10_000;

const plainEndpoints: Record<string, () => Endpoint> = {
  echo: () => new ModuleEndpoint({ data: ({ bytes }) => bytes }),
  sink: () => new ModuleEndpoint({}),
};

/** The functions of a shard: built-in ones, the operator's, and what clients may make of them. */
export class FunctionRegistry {
  #functions = new Map<string, RegisteredFunction>();
  readonly #indices = new Map<string, number>();
  #table: FunctionTable;
  #guard: AddressGuard;
  #tracing: Tracing | null = null;
  /** Times that a table was to be taken over. */
  #reloads = 0;
  readonly #stats = new Map<string, CallStats>();
  readonly #statsOfClients = new CallStats();
  /** Null until one may be called: it takes a while to load. */
  #remotes: RemoteEndpoints | null = null;

  private constructor(
    table: FunctionTable,
    readonly pool: BufferPool,
    readonly peers: PeerFinder,
    readonly mostFunctions: number,
  ) {
    this.#table = table;
    this.#guard = new AddressGuard(table.endpoints);
  }

  /** Loads all. Throws TIDEGATE_E_FUNCTION where a module can't be used. */
  static async load(
    table: FunctionTable,
    pool: BufferPool,
    peers: PeerFinder,
    mostFunctions: number,
  ): Promise<FunctionRegistry> {
    const registry = new FunctionRegistry(table, pool, peers, mostFunctions);
    await registry.reload(table);
    return registry;
  }

  get(id: string): RegisteredFunction | undefined {
    return this.#functions.get(id);
  }

  [Symbol.iterator](): Iterator<RegisteredFunction> {
    return this.#functions.values();
  }

  /** Takes over another table. Sessions stay: what they invoke is of the new one from their next message on. Throws where one can't be used; then all stays. */
  async reload(table: FunctionTable): Promise<void> {
    const turn = ++this.#reloads;
    const tracing = table.tracing ? await loadTracing() : null;
    const guard = new AddressGuard(table.endpoints);
    const remotes = new Map<string, RemoteEndpoint>();
    const made = new Map<string, RegisteredFunction>();
    for (const [id, hostFunction] of builtInFunctions) {
      if ((table.builtIn as readonly string[]).includes(id))
        made.set(id, this.#entry(id, table.functions[id], hostFunction, null));
    }
    for (const [id, config] of Object.entries(table.functions)) {
      const { endpoint } = config;
      if (endpoint === undefined) continue;
      if (endpoint === 'peer') {
        made.set(id, this.#entry(id, config, new PeerFunction(id, this.peers), null));
        continue;
      }
      const load = async (text: string): Promise<Endpoint> =>
        traced(await this.#endpoint(text, config, remotes), id, tracing);
      const variants = new Map<string, Endpoint>();
      for (const [name, text] of Object.entries(config.variants)) variants.set(name, await load(text));
      const mapping: Mapping = {
        id,
        criteria: new CompiledCriteria(config.receive),
        endpoints: {
          base: await load(endpoint),
          variants,
          quarantine: config.quarantine === undefined ? null : await load(config.quarantine),
        },
        parameters: config.parameters,
        deadlineMs: config.deadlineMs,
        onError: config.onError,
        seal: sealPolicyOf(config),
        stats: this.#statsOf(id),
      };
      made.set(id, this.#entry(id, config, new MappedFunction(mapping, this.pool), mapping));
    }
    if (table.clientFunctions.endpoints) await this.#loadRemote();
    if (turn !== this.#reloads)
      throw new TidegateError('TIDEGATE_E_FUNCTION', 'a later table came before it was loaded');
    this.#tracing = tracing;
    this.#remotes?.takeOver(remotes);
    this.#takeOver(table, guard, made);
  }

  #takeOver(table: FunctionTable, guard: AddressGuard, made: Map<string, RegisteredFunction>): void {
    for (const [id, { mapping }] of made) {
      const present = this.#functions.get(id)?.mapping;
      // Sessions that are open hold an earlier mapping: one place for the endpoints of all that there were.
      if (present && mapping) mapping.endpoints = Object.assign(present.endpoints, mapping.endpoints);
    }
    const isOther = JSON.stringify(table.endpoints) !== JSON.stringify(this.#table.endpoints);
    if (isOther) this.#remotes?.change(guard, endpointKey(table));
    this.#table = table;
    this.#guard = guard;
    this.#functions = made;
  }

  #entry(
    id: string,
    config: FunctionConfig | undefined,
    hostFunction: HostFunction,
    mapping: Mapping | null,
  ): RegisteredFunction {
    let index = this.#indices.get(id);
    if (index === undefined) {
      index = this.#indices.size + 1;
      if (index > this.mostFunctions) {
        throw new TidegateError('TIDEGATE_E_FUNCTION', `there are more than ${this.mostFunctions} functions`);
      }
      this.#indices.set(id, index);
    }
    return {
      id,
      index,
      weight: config?.weight ?? 1,
      mode: config?.mode,
      hostFunction,
      mapping,
    };
  }

  #statsOf(id: string): CallStats {
    const stats = this.#stats.get(id) ?? new CallStats();
    this.#stats.set(id, stats);
    return stats;
  }

  /** Where calls of a function are counted, whoever defined it. */
  statsOf(id: string): CallStats {
    return this.#stats.get(id) ?? this.#statsOfClients;
  }

  /** A remote endpoint by its address; null: none is called there any more. */
  remoteOf(url: string): RemoteEndpoint | null {
    const remotes = this.#remotes;
    if (remotes === null) return null;
    return remotes.at(url) ?? (this.#table.clientFunctions.endpoints ? this.#named(remotes, url) : null);
  }

  #named(remotes: RemoteEndpoints, url: string): RemoteEndpoint {
    return remotes.named(url, { ...mappingShape.remote.parse({}), deadlineMs: CLIENT_DEADLINE_MS });
  }

  /** How functions were called since it was asked last; null is the name of those that clients define. */
  takeCalls(): FunctionCalls[] {
    const taken: FunctionCalls[] = [];
    for (const [id, stats] of [...this.#stats, [null, this.#statsOfClients] as const]) {
      const counts = stats.take();
      if (counts !== null) taken.push({ id, counts });
    }
    return taken;
  }

  async #loadRemote(): Promise<RemoteEndpoints> {
    if (this.#remotes === null) {
      const { RemoteEndpoints } = await import('./endpoints/remote-endpoints.js');
      this.#remotes = new RemoteEndpoints(this.#guard, endpointKey(this.#table));
    }
    return this.#remotes;
  }

  async #endpoint(text: string, config: FunctionConfig, remotes: Map<string, RemoteEndpoint>): Promise<Endpoint> {
    if (isRemote(text)) {
      const { remote, deadlineMs } = config;
      return (await this.#loadRemote()).own(text, { ...remote, deadlineMs }, remotes);
    }
    const plain = plainEndpoints[text];
    if (plain !== undefined) return plain();
    if (text === 'peer' || text === 'source') {
      throw new TidegateError('TIDEGATE_E_FUNCTION', `${text} can't be a variant or a mapped endpoint`);
    }
    return await ModuleEndpoint.load(text);
  }

  /** A function that a client defines, within what the operator allows. */
  define({ id, receive, endpoint, parameters }: Define, definedAlready: number): Defined {
    const { clientFunctions, maxBufferSize } = this.#table;
    const refuse = (problem: AppErrorName, reason: string): Defined => ({ problem, reason });
    if (clientFunctions.most === 0) return refuse('define-refused', 'this host lets clients define no functions');
    if (definedAlready >= clientFunctions.most) {
      return refuse('definitions-exhausted', `a session may define ${clientFunctions.most} functions`);
    }
    const parsed = receiveSchema.safeParse(receive ?? {});
    if (!parsed.success) {
      return refuse('define-refused', problemForStranger(receiveSchema, parsed.error, receive, 'receive'));
    }
    const objection = objectionTo(parsed.data, maxBufferSize);
    if (objection !== null) return refuse('criteria-unmeetable', objection);
    const closed = [...kindsOf(parsed.data.when)].find(
      (kind) => !(clientFunctions.criteria as string[]).includes(kind),
    );
    if (closed !== undefined) return refuse('define-refused', `this host allows no criterion ${closed}`);
    const found = 'url' in endpoint ? this.#clientRemote(endpoint.url) : this.#clientTarget(endpoint.function);
    if ('problem' in found) return found;
    if (found.seal !== null && looksAtContent(parsed.data.when)) {
      return refuse('criteria-unmeetable', 'messages of that function are sealed: criteria on content can not be met');
    }
    const mapping: Mapping = {
      id,
      criteria: new CompiledCriteria(parsed.data),
      endpoints: found.endpoints,
      parameters,
      deadlineMs: found.deadlineMs,
      onError: 'message',
      seal: found.seal,
      stats: this.#statsOfClients,
    };
    return { hostFunction: new MappedFunction(mapping, this.pool), seal: mapping.seal };
  }

  #clientTarget(id: string): Target | { problem: AppErrorName; reason: string } {
    const target = this.#functions.get(id);
    if (target === undefined || !this.#table.clientFunctions.functions.includes(id)) {
      return { problem: 'define-refused', reason: `clients may not name the function ${id}` };
    }
    if (target.mapping !== null) return target.mapping;
    const plain = plainEndpoints[id];
    if (plain === undefined) return { problem: 'define-refused', reason: `${id} takes no criteria` };
    const base = traced(plain(), id, this.#tracing);
    return { endpoints: { base, variants: new Map(), quarantine: null }, deadlineMs: 1000, seal: null };
  }

  #clientRemote(url: string): Target | { problem: AppErrorName; reason: string } {
    if (!this.#table.clientFunctions.endpoints || this.#remotes === null) {
      return { problem: 'endpoint-refused', reason: 'this host lets clients name no remote endpoints' };
    }
    const objection = this.#guard.objectionTo(new URL(url));
    if (objection !== null) return { problem: 'endpoint-refused', reason: objection };
    const base = traced(this.#named(this.#remotes, url), 'client', this.#tracing);
    return { endpoints: { base, variants: new Map(), quarantine: null }, deadlineMs: CLIENT_DEADLINE_MS, seal: null };
  }

  async close(): Promise<void> {
    await this.#remotes?.destroy();
  }
}

function traced(endpoint: Endpoint, functionId: string, tracing: Tracing | null): Endpoint {
  return tracing === null ? endpoint : new TracedEndpoint(endpoint, functionId, tracing);
}

function endpointKey({ endpoints, endpointKey: key }: FunctionTable): Uint8Array {
  return endpoints.secret === undefined ? key : Buffer.from(endpoints.secret);
}

function sealPolicyOf({ seal }: FunctionConfig): SealPolicy | null {
  if (seal === undefined) return null;
  return { from: seal.from, to: seal.key === undefined ? 'host' : 'endpoint', key: seal.key ?? null };
}
