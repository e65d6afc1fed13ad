import { EventEmitter, on } from 'node:events';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { assertPortFree } from '../net/udp-driver.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import type { SessionHints } from '../profile/crowd.js';
import { TidegateError } from '../quic/errors.js';
import { type AdmissionCounts, Admissions, type OpenedSocket, type SettingsChooser } from './admissions.js';
import { HostCertificate } from './certificate/host-certificate.js';
import { ClientData, type ClientDataParts } from './client-data.js';
import { type HostConfig, type HostConfigInput, parseConfig } from './config.js';
import { keysThatDiffer, reloadablePart } from './config-changes.js';
import { DecisionRecord } from './decision-record.js';
import { assertChosenByType, type EndpointChooser } from './endpoint-choice.js';
import { FunctionTotals } from './function-totals.js';
import { HookFaults } from './hook-faults.js';
import type { HostEvents } from './host-events.js';
import { type HostSample, HostWatch } from './host-watch.js';
import { createIdentifier, type ServingParts } from './identity/create-identifier.js';
import type { IdentityHook } from './identity/identifier.js';
import { UsedTokens } from './identity/used-tokens.js';
import { keyFileOf, loadKeys } from './keys.js';
import { HostPrediction } from './prediction/host-prediction.js';
import type { Log } from './prediction/messages.js';
import { ProfileKeeper } from './profile-keeper.js';
import { type PlannedShards, shardCount } from './runtime-support.js';
import { HostScaling } from './scale/host-scaling.js';
import type { LoadKeeper } from './scale/load-keeper.js';
import { type BriefSession, type SessionDetail, SessionDetails } from './session-details.js';
import { SessionUpdates } from './session-updates.js';
import { ShardInbox } from './shard-inbox.js';
import { SHARD_WORKER, ShardPool } from './shard-pool.js';
import { functionTableOf, shardSettingsOf } from './shard-settings.js';

/** In which a shard has to serve, ms: modules of functions may connect to something as they load. */
const SHARD_START_MS = 15_000;

/** Parts of a host that can be replaced. */
export interface HostParts {
  /** Profiles that are kept elsewhere. */
  profiler?: Profiler;
  /** Says who a client is; the configuration's `identity.hook` names a module that does. */
  identify?: IdentityHook;
  /** Chooses the settings of sockets that open. */
  chooseSettings?: SettingsChooser;
  /** Chooses which of a function's variants answers a session. */
  chooseEndpoint?: EndpointChooser;
  /** Module that runs a shard; tests put faults into it. */
  shardWorker?: string;
}

/** The host: shards, certificate, profiles. `start()` serves, `close()` drains. */
export class SocketHost extends EventEmitter<HostEvents> {
  readonly config: HostConfig;
  readonly startedAt = Date.now();
  /** Why there are fewer shards than asked for, if so. */
  shardNote: string | null = null;
  restarts = 0;
  /** @internal */
  readonly prediction: HostPrediction;
  /** @internal */
  readonly record: DecisionRecord;
  /** @internal */
  readonly hookFaults = new HookFaults((level, message, detail) => this.emit('log', level, message, detail));
  /** @internal */
  readonly functionTotals = new FunctionTotals(
    (id) => Object.hasOwn(this.config.functions, id) || (this.config.builtIn as readonly string[]).includes(id),
  );
  #pool: ShardPool | null = null;
  readonly #identification: ServingParts;
  /** Reloads wait for one another: one that fails puts back what was there when it began. */
  #reloading: Promise<unknown> = Promise.resolve();
  #profiles: ProfileKeeper | null = null;
  #admissions: Admissions | null = null;
  #certificate: HostCertificate | null = null;
  #inbox: ShardInbox | null = null;
  /**
   * The load, what is forecast of it, and what is done about it.
   * @internal
   */
  readonly scaling: HostScaling;
  /**
   * Looks after the host's own metrics.
   * @internal
   */
  readonly watch = new HostWatch();
  #planned: PlannedShards = { shards: 1, most: 1, wanted: 1, note: null };
  #closing: Promise<void> | null = null;

  constructor(
    config: HostConfigInput = {},
    readonly parts: HostParts = {},
  ) {
    super();
    this.config = this.#parse(config);
    this.record = new DecisionRecord(join(this.config.dataDir, 'decisions'), this.#log, this.config.retention);
    this.scaling = new HostScaling(this.config, this.#log);
    this.#identification = {
      identify: parts.identify,
      used: new UsedTokens(this.config.store, this.#log),
      onHookFault: (error) => this.hookFaults.note('identify', error),
    };
    this.prediction = new HostPrediction(this.config, {
      log: this.#log,
      remember: (client, memory) => this.#profiles?.profiler.remember(client, memory),
      openings: (shard) => this.#inbox?.parts.updates.openings(shard) ?? [],
      onSource: (state) => this.emit('prediction', state),
      onRequestTypes: (shard, sessions) => this.#inbox?.requestTypes(shard, sessions),
      onRisks: (shard, sessions) => {
        const told = sessions.map(({ handle, risk, reasons }) => ({ handle, risk, reason: reasons.join('; ') }));
        this.#pool?.send(shard, { type: 'risks', sessions: told });
      },
      onNoRisks: () => this.#pool?.broadcast({ type: 'noRisks' }),
    });
  }

  /** An event as it comes, to be waited for: what a listener would be called with. Ends with the signal. */
  async *iterate<E extends keyof HostEvents>(
    event: E,
    { signal }: { signal?: AbortSignal } = {},
  ): AsyncGenerator<HostEvents[E]> {
    try {
      for await (const args of on(this, event, signal === undefined ? {} : { signal })) yield args as HostEvents[E];
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  }

  #parse(input: HostConfigInput): HostConfig {
    const config = parseConfig(input);
    if (this.parts.chooseEndpoint === undefined) assertChosenByType(config.functions);
    return config;
  }

  get #log(): Log {
    return (level, message, detail) => this.emit('log', level, message, detail);
  }

  get profiler(): Profiler {
    if (this.#profiles === null) throw new Error('the host is not started');
    return this.#profiles.profiler;
  }

  /** @internal */
  get admissions(): Admissions {
    if (this.#admissions === null) throw new Error('the host is not started');
    return this.#admissions;
  }

  get port(): number {
    return this.#pool?.port ?? this.config.port;
  }

  get url(): string {
    const { host } = this.config;
    const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host;
    return `https://${shown}:${this.port}`;
  }

  get certificateHash(): string {
    return this.#openCertificate.hash;
  }

  get nextCertificateHash(): string | null {
    return this.#openCertificate.source.nextHash;
  }

  /**
   * Its end (ms since 1970), and why clients don't take it, or soon won't.
   * @internal
   */
  get certificateTime(): { notAfter: number; problem: string | null } {
    const { notAfter, problem } = this.#openCertificate;
    return { notAfter, problem };
  }

  /** @internal */
  get load(): LoadKeeper {
    return this.scaling.load;
  }

  get isReady(): boolean {
    return !this.isDraining && (this.#pool?.live.length ?? 0) > 0;
  }

  get isDraining(): boolean {
    return this.#closing !== null;
  }

  /** @internal */
  get shards(): ShardPool {
    if (this.#pool === null) throw new Error('the host is not started');
    return this.#pool;
  }

  get #openInbox(): ShardInbox {
    if (this.#inbox === null) throw new Error('the host is not started');
    return this.#inbox;
  }

  get #openCertificate(): HostCertificate {
    if (this.#certificate === null) throw new Error('the host is not started');
    return this.#certificate;
  }

  /** Serves. Rejects with a TidegateError that says what to mend; the host is closed then. */
  async start(): Promise<void> {
    try {
      this.#profiles = await ProfileKeeper.open(this.config, this.parts.profiler ?? null, this.#log);
      await this.#startServing();
      await this.#startWatching(this.#profiles);
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  async #startWatching(profiles: ProfileKeeper): Promise<void> {
    this.record.start();
    await this.scaling.start({
      pool: this.shards,
      admissions: this.admissions,
      prediction: this.prediction,
      planned: this.#planned,
      unusual: () => this.watch.unusual(Date.now() / 1000),
      onPressure: (step, from) => this.emit('pressure', step, from),
    });
    const sample = (): HostSample => ({
      counters: this.shards.totals(),
      predictorMs: this.prediction.service?.status?.tickMs ?? null,
      lagMs: this.shards.lagMs,
    });
    this.watch.start(sample, (anomaly) => {
      this.emit('anomaly', anomaly);
      this.emit('log', 'warn', 'unusual', { ...anomaly });
    });
    profiles.onExpired = async (clients, before) => await this.clientData.forgetBeside(clients, before);
    this.profiler.follow(async (clients) => {
      await this.clientData.forgetBeside(clients).catch((error: Error) => {
        this.emit('log', 'error', 'what another host forgot is not all gone', { error: error.message });
      });
    });
  }

  async #startServing(): Promise<void> {
    const { config } = this;
    const keys = await loadKeys(keyFileOf(config));
    const identifier = await createIdentifier(config.identity, keys, this.#identification);
    this.#admissions = new Admissions(
      config,
      identifier,
      this.profiler,
      this.hookFaults,
      this.parts.chooseSettings,
      this.parts.chooseEndpoint,
    );
    this.#certificate = await HostCertificate.open(config, this.#log, () => this.#certificateChanged());
    this.#planned = this.#plannedShards();
    const { shards, most, note } = this.#planned;
    this.shardNote = note;
    if (most > 1 && config.port !== 0) await assertPortFree(config.host, config.port);
    const pool = new ShardPool(
      shardSettingsOf(config, keys, this.#certificate.pair),
      config.port,
      most,
      { hangMs: config.shardHangMs, startMs: SHARD_START_MS },
      {
        onMessage: (shard, message, answer) => this.#inbox?.take(shard, message, answer),
        onIncident: (shard, reason, comesBack) => {
          if (comesBack) this.restarts++;
          this.#inbox?.lost(shard, reason);
          this.emit('shard', { shard, state: 'ended', reason });
          const what = comesBack ? 'shard ended and is started again' : 'shard ended before its sessions did';
          this.emit('log', 'error', what, { shard, reason });
        },
        onNativeHang: () => process.kill(process.pid, 'SIGKILL'),
      },
      this.parts.shardWorker ?? SHARD_WORKER,
    );
    this.#pool = pool;
    const { profiler, admissions, prediction, record } = this;
    const updates = new SessionUpdates(profiler, admissions, prediction, record, this.functionTotals, {
      onSession: (event) => this.emit('session', event),
      onSettings: (event) => this.emit('settings', event),
    });
    const details = new SessionDetails(pool, prediction, profiler);
    const wellKnown = (): string => JSON.stringify(this.wellKnown());
    this.#inbox = new ShardInbox({ pool, admissions, updates, details, prediction, events: this, wellKnown });
    await this.prediction.start();
    await pool.start(shards);
    if (note !== null) this.emit('log', config.shards === 'auto' ? 'info' : 'warn', note, {});
  }

  #plannedShards(): PlannedShards {
    const { shards, engine } = this.config;
    if (engine === 'fails-components' && shards !== 1) {
      const note = "one shard: @fails-components/webtransport can't share a port";
      return { shards: 1, most: 1, wanted: 1, note };
    }
    return shardCount(shards);
  }

  #certificateChanged(): void {
    if (this.#pool === null) return;
    const { pair } = this.#openCertificate;
    this.#pool.settings.certificate = pair;
    this.#pool.broadcast({ type: 'certificate', pair });
    this.#pool.broadcast({ type: 'wellKnown', body: JSON.stringify(this.wellKnown()) });
    this.emit('log', 'info', 'new certificate', { hash: this.certificateHash });
  }

  /** What `/.well-known/tidegate` answers. */
  wellKnown(): Record<string, unknown> {
    return this.#openCertificate.wellKnown;
  }

  /**
   * Loads certificate, keys, functions and their modules again (SIGHUP), and takes over what of `config` can change while
   * sessions are open: they stay. Rejects where something can't be used; then all stays as it is. Resolves with the keys that
   * differ and take a restart.
   */
  async reload(config?: HostConfigInput): Promise<string[]> {
    const done = this.#reloading.then(() => this.#reload(config));
    this.#reloading = done.catch(() => {});
    return await done;
  }

  async #reload(config: HostConfigInput | undefined): Promise<string[]> {
    const next = config === undefined ? this.config : this.#parse(config);
    await this.#openCertificate.source.reload();
    const keys = await loadKeys(keyFileOf(this.config));
    const identifier = await createIdentifier(next.identity, keys, this.#identification);
    const before = { ...this.config };
    Object.assign(this.config, reloadablePart(next));
    const problem = await this.#openInbox.reloadFunctions(functionTableOf(this.config, keys));
    if (problem !== null) {
      Object.assign(this.config, reloadablePart(before));
      await this.#openInbox.reloadFunctions(functionTableOf(this.config, keys));
      throw new TidegateError('TIDEGATE_E_FUNCTION', problem, { hint: 'the functions stay as they are' });
    }
    this.admissions.identifier = identifier;
    this.prediction.service?.tellAgain();
    if (next.mode !== this.config.mode) this.setMode(next.mode);
    return keysThatDiffer(this.config, next);
  }

  /** Whether limits hold, or are only reckoned: from now on, for sessions that are open too. */
  setMode(mode: HostConfig['mode']): void {
    this.config.mode = mode;
    this.shards.settings.mode = mode;
    this.shards.broadcast({ type: 'mode', mode });
    this.emit('log', 'warn', mode === 'observe' ? 'limits are reckoned and not applied' : 'limits hold', { mode });
  }

  /** The socket of a client that opens a session: buffer, limits and level from its profile. */
  openSocket(clientIdentifier: string, opening?: SessionHints): OpenedSocket {
    return this.admissions.openSocket(clientIdentifier, opening);
  }

  /**
   * What is kept of clients: to export, and to forget.
   * @internal
   */
  get clientData(): ClientData {
    const { profiler, record, config, prediction } = this;
    const { identifier } = this.admissions;
    const letGo: ClientDataParts['letGo'] = async (clients, before) => prediction.service?.forget(clients, before);
    return new ClientData({ profiler, identifier, record, dataDir: config.dataDir, letGo });
  }

  /** All live sessions with their profiles. A shard that does not answer in time is left out. */
  async sessions(): Promise<SessionDetail[]> {
    return (await this.#inbox?.parts.details.all()) ?? [];
  }

  /** A live session by its name; null where it is not there. */
  async session(name: string): Promise<SessionDetail | null> {
    return (await this.#inbox?.parts.details.one(name)) ?? null;
  }

  /** All live sessions in brief. */
  async briefSessions(): Promise<BriefSession[]> {
    return (await this.#inbox?.parts.details.brief()) ?? [];
  }

  /**
   * Open sessions by what their functions are counted under.
   * @internal
   */
  get sessionsByFunction(): ReadonlyMap<string, number> {
    return this.#inbox?.parts.updates.sessionsByFunction ?? new Map();
  }

  /** Changes of security level, by the level that came of them. */
  get levelChanges(): readonly number[] {
    return this.#inbox?.levelChanges ?? [0, 0, 0, 0];
  }

  /** How clients were known. */
  get admissionCounts(): AdmissionCounts {
    return this.admissions.counts;
  }

  /** Drains (GOAWAY, DRAIN) for at most `seconds`, then closes everything. Asked again it waits for what it was asked first. */
  async close(seconds: number = this.config.drainTimeout): Promise<void> {
    this.#closing ??= this.#close(seconds);
    await this.#closing;
  }

  async #close(seconds: number): Promise<void> {
    this.watch.close();
    await this.scaling.close();
    this.prediction.keeper?.close();
    await this.#pool?.close(seconds * 1000);
    await this.prediction.close();
    await this.#profiles?.close();
    await this.record.close();
    await this.#identification.used.close();
    this.#certificate?.close();
  }
}
