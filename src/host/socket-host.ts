import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  isWorthWriting,
  publishedLimits,
  type SettingsPolicy,
  type SocketSettings,
  settingsFor,
} from '../adapt/settings.js';
import { LimitsMailbox } from '../core/limits-mailbox.js';
import { assertPortFree } from '../net/udp-driver.js';
import type { SessionScores } from '../predict/feedback/live-scores.js';
import type { Forecast } from '../predict/serving/forecast.js';
import { type BehavioralProfile, ERROR_SCENARIOS, errorBit } from '../profile/behavioral-profile.js';
import { BehavioralProfiler, type Profiler } from '../profile/behavioral-profiler.js';
import {
  type CertificateSource,
  certificateHash,
  FileCertificate,
  SelfSignedCertificate,
} from './certificate/certificate-source.js';
import { type HostConfig, type HostConfigInput, parseConfig } from './config.js';
import { loadKeys } from './keys.js';
import { PendingReplies } from './pending-replies.js';
import { HostPrediction } from './prediction/host-prediction.js';
import type { LiveForecast, SessionOpening } from './prediction/messages.js';
import { shardCount } from './runtime-support.js';
import type { FromShard, SessionReport, SessionUpdate } from './shard/messages.js';
import { SHARD_WORKER, ShardPool } from './shard-pool.js';

/** How long a shard has to tell of its sessions. */
const REPORT_TIMEOUT_MS = 2000;

type ShardReport = Pick<Extract<FromShard, { type: 'report' }>, 'sessions' | 'features' | 'names'>;
/** Of a feature, for people. */
const DIGITS = 6;

export interface SessionDetail extends SessionReport {
  /** By name, as of now: logarithms, see docs/core.md. */
  features: Record<string, number>;
  profile: BehavioralProfile;
  /** What the model says of the session, and how right it was of late; null without one. */
  forecast: Forecast | null;
  scores: SessionScores | null;
}

/** A socket set up for a client, before its data. */
export interface OpenedSocket extends SocketSettings {
  profile: BehavioralProfile;
}

interface HostEvents {
  log: [level: 'info' | 'warn' | 'error', message: string, detail: Record<string, unknown>];
  incident: [shard: number, reason: string];
}

/** The host: shards, certificate, profiles. `start()` serves, `close()` drains. */
export class SocketHost extends EventEmitter<HostEvents> {
  readonly config: HostConfig;
  readonly profiler: Profiler;
  readonly startedAt = Date.now();
  /** Why there are fewer shards than asked for, if so. */
  shardNote: string | null = null;
  restarts = 0;
  readonly prediction: HostPrediction;
  #pool: ShardPool | null = null;
  #certificate: CertificateSource | null = null;
  readonly #mailboxes = new Map<number, LimitsMailbox>();
  readonly #reports = new PendingReplies<ShardReport>(REPORT_TIMEOUT_MS, {
    sessions: [],
    features: new Float32Array(0),
    names: [],
  });
  #draining = false;

  constructor(
    config: HostConfigInput = {},
    profiler: Profiler = new BehavioralProfiler(),
    /** Module that runs a shard; tests put faults into it. */
    readonly shardWorker: string = SHARD_WORKER,
  ) {
    super();
    this.config = parseConfig(config);
    this.profiler = profiler;
    this.prediction = new HostPrediction(this.config, {
      log: (level, message, detail) => this.emit('log', level, message, detail),
      remember: (client, memory) => profiler.remember(client, memory),
    });
  }

  get policy(): SettingsPolicy {
    return this.config.policy;
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
    return certificateHash(this.#openCertificate.current.certificate);
  }

  get nextCertificateHash(): string | null {
    return this.#openCertificate.nextHash;
  }

  get isReady(): boolean {
    return !this.#draining && (this.#pool?.live.length ?? 0) > 0;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  get shards(): ShardPool {
    if (this.#pool === null) throw new Error('the host is not started');
    return this.#pool;
  }

  get #openCertificate(): CertificateSource {
    if (this.#certificate === null) throw new Error('the host is not started');
    return this.#certificate;
  }

  /** Serves. Rejects with a TidegateError that says what to mend. */
  async start(): Promise<void> {
    const { config } = this;
    const keys = await loadKeys(config.keys ?? join(config.dataDir, 'keys.json'));
    this.#certificate = await this.#openCertificateSource();
    const { shards, note } = this.#plannedShards();
    this.shardNote = note;
    if (shards > 1 && config.port !== 0) await assertPortFree(config.host, config.port);
    const pool = new ShardPool(
      {
        host: config.host,
        engine: config.engine,
        tcp: config.tcp,
        certificate: this.#certificate.current,
        keys,
        hostId: config.hostId,
        maxConnections: config.maxConnections,
        handshakes: config.handshakes,
        allowMigration: config.migration,
        idleTimeoutMs: config.idleTimeout * 1000,
        allowedOrigins: config.allowedOrigins,
        mode: config.mode,
        capacity: config.capacity,
        functions: config.functions,
        tickMs: config.tick * 1000,
        qlogDir: config.qlogDir,
        keyLogFile: process.env.SSLKEYLOGFILE ?? null,
      },
      config.port,
      shards,
      config.shardHangMs,
      {
        onMessage: (shard, message) => this.#onMessage(shard, message),
        onIncident: (shard, reason) => {
          this.restarts++;
          this.emit('incident', shard, reason);
          this.emit('log', 'error', 'shard ended and is started again', { shard, reason });
        },
        onNativeHang: () => process.kill(process.pid, 'SIGKILL'),
      },
      this.shardWorker,
    );
    this.#pool = pool;
    try {
      await this.prediction.start();
      await pool.start(shards);
    } catch (error) {
      this.#certificate.close();
      await this.prediction.close();
      await pool.close(0);
      throw error;
    }
    if (note !== null) this.emit('log', config.shards === 'auto' ? 'info' : 'warn', note, {});
  }

  #plannedShards(): { shards: number; note: string | null } {
    const { shards, engine } = this.config;
    if (engine === 'fails-components' && shards !== 1) {
      return { shards: 1, note: "one shard: @fails-components/webtransport can't share a port" };
    }
    return shardCount(shards);
  }

  async #openCertificateSource(): Promise<CertificateSource> {
    const { cert, key, dataDir, host } = this.config;
    const onChange = (): void => this.#certificateChanged();
    const onError = (error: Error): void => {
      this.emit('log', 'error', 'the certificate stays as it is', { error: error.message });
    };
    if (cert !== undefined && key !== undefined) return await FileCertificate.open(cert, key, onChange, onError);
    const names = [...new Set(['localhost', '127.0.0.1', '::1', ...(isIP(host) || host.includes('.') ? [host] : [])])];
    return await SelfSignedCertificate.open(dataDir, names, onChange, onError);
  }

  #certificateChanged(): void {
    if (this.#pool === null) return;
    const pair = this.#openCertificate.current;
    this.#pool.settings.certificate = pair;
    this.#pool.broadcast({ type: 'certificate', pair });
    this.#publishWellKnown();
    this.emit('log', 'info', 'new certificate', { hash: this.certificateHash });
  }

  /** What `/.well-known/tidegate` answers. */
  wellKnown(): Record<string, unknown> {
    return { certificateHash: this.certificateHash, nextCertificateHash: this.nextCertificateHash };
  }

  #publishWellKnown(): void {
    this.#pool?.broadcast({ type: 'wellKnown', body: JSON.stringify(this.wellKnown()) });
  }

  /** Loads the certificate again (SIGHUP). Rejects where it can't; the present one stays. */
  async reload(): Promise<void> {
    await this.#openCertificate.reload();
  }

  /** The socket of a client that opens a session: buffer, limits and level from its profile. */
  openSocket(clientIdentifier: string): OpenedSocket {
    const profile = this.profiler.getProfile(clientIdentifier);
    return { ...settingsFor(profile, this.policy), profile };
  }

  #onMessage(shard: number, message: FromShard): void {
    switch (message.type) {
      case 'ready':
        // A shard that came back has another memory.
        this.#mailboxes.set(shard, new LimitsMailbox(message.core));
        this.prediction.service?.shard(shard, message.core);
        this.#pool?.send(shard, { type: 'wellKnown', body: JSON.stringify(this.wellKnown()) });
        return;
      case 'open': {
        const { profile: _, ...settings } = this.openSocket(message.client);
        this.#pool?.send(shard, { type: 'settings', request: message.request, settings });
        return;
      }
      case 'updates':
        this.#update(shard, message.updates);
        return;
      case 'report':
        this.#reports.answer(message.request, message);
        return;
      case 'log':
        this.emit('log', message.level, message.message, { shard, ...message.detail });
        return;
      case 'drained':
        return;
    }
  }

  /** What happened goes to the profiles, and what opened or ended to the predictor. Without it averages set the limits. */
  #update(shard: number, updates: SessionUpdate[]): void {
    const timestamp = Date.now();
    const openings: SessionOpening[] = [];
    const mailbox = this.prediction.serves ? undefined : this.#mailboxes.get(shard);
    for (const update of updates) {
      const { handle, client, errors, closed } = update;
      if (update.opened && !closed) openings.push(this.#opening(update, timestamp));
      this.profiler.updateProfile(client, { timestamp, ...update });
      if (closed) this.prediction.service?.closed(shard, handle, client, errors);
      // The features tell of everything else.
      else if (errors & errorBit('slow')) this.prediction.service?.errors(shard, handle, errors);
      if (mailbox !== undefined && !closed) this.#followAverage(mailbox, update);
    }
    this.prediction.service?.opened(shard, openings);
  }

  #opening({ handle, client, functionId }: SessionUpdate, openedAt: number): SessionOpening {
    const { sessionsSeen, predictedDataRate, predictedErrors } = this.profiler.getProfile(client);
    return {
      handle,
      client,
      context: {
        functionId,
        openedAt,
        visits: sessionsSeen,
        expectedLogRate: sessionsSeen > 0 ? Math.log1p(predictedDataRate) : 0,
        errors: ERROR_SCENARIOS.map((name) => predictedErrors[name]),
      },
      memory: this.profiler.memoryOf(client),
    };
  }

  #followAverage(mailbox: LimitsMailbox, { handle, client, rateLimit }: SessionUpdate): void {
    const { profile: _, ...settings } = this.openSocket(client);
    // Against what is in force, so that many small steps are followed as one large one is.
    if (isWorthWriting(settings.rateLimit, rateLimit)) mailbox.write(handle, publishedLimits(settings));
  }

  /** Removes everything of a client: its profile, and what was recorded of it for training. */
  forget(clientIdentifier: string): void {
    this.profiler.forget(clientIdentifier);
    this.prediction.service?.forget(clientIdentifier);
  }

  /** All live sessions with their profiles. A shard that does not answer in time is left out. */
  async sessions(): Promise<SessionDetail[]> {
    const pool = this.shards;
    const [forecasts, ...reports] = await Promise.all([
      this.prediction.service?.forecasts() ?? [],
      ...pool.live.map((shard) => this.#reportOf(shard)),
    ]);
    const byHandle = new Map(forecasts.map((live) => [`${live.shard}/${live.handle}`, live]));
    return reports.flatMap(({ sessions, features, names }) =>
      sessions.map((report, row) => {
        const live = byHandle.get(`${report.shard}/${report.handle}`) ?? null;
        return {
          ...report,
          features: Object.fromEntries(
            names.map((name, i) => [name, Number(features[row * names.length + i].toPrecision(DIGITS))]),
          ),
          profile: this.#liveProfile(report.client, live),
          forecast: live?.forecast ?? null,
          scores: live?.scores ?? null,
        };
      }),
    );
  }

  /** A client's profile while a session of it is open: what the model says, where it serves. */
  #liveProfile(client: string, live: LiveForecast | null): BehavioralProfile {
    const profile = this.profiler.getProfile(client);
    if (live === null || !this.prediction.serves) return profile;
    const { dataRate, rateLimit, requestType, risk, errors, horizons } = live.forecast;
    const [, { seconds, low, high }] = horizons;
    return {
      ...profile,
      predictedDataRate: dataRate,
      predictedDataRateBand: [low / seconds, high / seconds],
      predictedRequestType: requestType,
      predictedSecurityRisk: risk,
      predictedErrors: errors,
      predictedRateLimit: rateLimit,
      predictedBy: this.prediction.state.model,
    };
  }

  #reportOf(shard: number): Promise<ShardReport> {
    return this.#reports.ask((request) => this.shards.send(shard, { type: 'report', request }));
  }

  /** Drains (GOAWAY, DRAIN) for at most `seconds`, then closes everything. */
  async close(seconds: number = this.config.drainTimeout): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.prediction.keeper?.close();
    await this.#pool?.close(seconds * 1000);
    await this.prediction.close();
    this.#certificate?.close();
  }
}
