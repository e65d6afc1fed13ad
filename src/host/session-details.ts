import type { SessionScores } from '../predict/feedback/live-scores.js';
import type { Forecast } from '../predict/serving/forecast.js';
import type { BehavioralProfile } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import { PendingReplies } from './pending-replies.js';
import type { HostPrediction } from './prediction/host-prediction.js';
import type { LiveForecast } from './prediction/messages.js';
import { parseSession, sessionName } from './session-name.js';
import type { FromShard, SessionReport } from './shard/messages.js';
import type { ShardPool } from './shard-pool.js';

/** How long a shard has to tell of its sessions. */
const REPORT_TIMEOUT_MS = 2000;
/** Of a feature, for people. */
const DIGITS = 6;

type ShardReport = Pick<Extract<FromShard, { type: 'report' }>, 'sessions' | 'features' | 'names'>;

/** A live session for people: what it does, what is known of its client and foretold. */
export interface SessionDetail extends SessionReport {
  /** By name, as of now: logarithms, see docs/core.md. */
  features: Record<string, number>;
  profile: BehavioralProfile;
  /** What the model says of the session, and how right it was of late; null without one. */
  forecast: Forecast | null;
  scores: SessionScores | null;
  /** How unusual the session is, 0..1, and in what. */
  risk: number;
  riskReasons: string[];
}

/** A live session in a list. */
export interface BriefSession {
  /** As in `/sessions/ID`. */
  id: string;
  client: string;
  function: string;
  openSeconds: number;
  /** Both ways, so far; packets that limits held back. */
  bytes: number;
  held: number;
  /** bytes/s. */
  predictedRate: number;
  rateLimit: number;
  requestType: string | null;
  risk: number;
  /** Of its forecasts: mean absolute error of log1p(bytes). */
  error: number;
  level: number;
}

/** What was answered: by shard, and by session what the predictor says. */
interface Answers {
  reports: ShardReport[];
  live: Map<string, LiveForecast>;
}

/** Puts together what shards, predictor and profiles say of the live sessions. */
export class SessionDetails {
  readonly #reports = new PendingReplies<ShardReport>(REPORT_TIMEOUT_MS, {
    sessions: [],
    features: new Float32Array(0),
    names: [],
  });

  constructor(
    readonly pool: ShardPool,
    readonly prediction: HostPrediction,
    readonly profiler: Profiler,
  ) {}

  /** A shard answered. */
  answer({ request, sessions, features, names }: Extract<FromShard, { type: 'report' }>): void {
    this.#reports.answer(request, { sessions, features, names });
  }

  /** What shards and predictor say of live sessions, of all or of one. A shard that does not answer in time is left out. */
  async #ask(features: boolean, only?: { shard: number; handle: number }): Promise<Answers> {
    const { pool, prediction } = this;
    const shards = pool.live.filter((shard) => only === undefined || shard === only.shard);
    const [forecasts, ...reports] = await Promise.all([
      prediction.service?.forecasts() ?? [],
      ...shards.map((shard) =>
        this.#reports.ask((request) => pool.send(shard, { type: 'report', request, features, only: only?.handle })),
      ),
    ]);
    return { reports, live: new Map(forecasts.map((live) => [sessionName(live.shard, live.handle), live])) };
  }

  /** All live sessions with their profiles. */
  async all(): Promise<SessionDetail[]> {
    return this.#detailed(await this.#ask(true));
  }

  /** A live session by its name or ID; null where it is not there. */
  async one(name: string): Promise<SessionDetail | null> {
    const only = parseSession(name);
    if (only === null) return null;
    return this.#detailed(await this.#ask(true, only)).at(0) ?? null;
  }

  #detailed({ reports, live: told }: Answers): SessionDetail[] {
    return reports.flatMap(({ sessions, features, names }) =>
      sessions.map((report, row) => {
        const live = told.get(sessionName(report.shard, report.handle)) ?? null;
        return {
          ...report,
          features: Object.fromEntries(
            names.map((name, i) => [name, Number(features[row * names.length + i].toPrecision(DIGITS))]),
          ),
          profile: this.#profileOf(report.client, live),
          forecast: live?.forecast ?? null,
          scores: live?.scores ?? null,
          risk: live?.risk ?? 0,
          riskReasons: live?.riskReasons ?? [],
        };
      }),
    );
  }

  /** All live sessions in brief: what a list of them shows. */
  async brief(): Promise<BriefSession[]> {
    const { reports, live: told } = await this.#ask(false);
    return reports.flatMap(({ sessions }) =>
      sessions.map(({ shard, handle, client, function: functionId, openSeconds, settings, counts }) => {
        const id = sessionName(shard, handle);
        const live = told.get(id);
        return {
          id,
          client,
          function: functionId,
          openSeconds,
          bytes: counts.bytesIn + counts.bytesOut,
          held: counts.dropped + counts.waited,
          predictedRate: live?.forecast.dataRate ?? 0,
          rateLimit: settings.rateLimit,
          requestType: live?.forecast.requestType ?? null,
          risk: live?.risk ?? 0,
          error: live?.scores.absoluteError ?? 0,
          level: settings.securityLevel,
        };
      }),
    );
  }

  /** A client's profile while a session of it is open: what the model says, where it serves. */
  #profileOf(client: string, live: LiveForecast | null): BehavioralProfile {
    const profile = this.profiler.getProfile(client);
    if (live === null || !this.prediction.serves) return profile;
    const { dataRate, rateLimit, requestType, risk, errors, horizons } = live.forecast;
    const [, { seconds, low, high }] = horizons;
    return {
      ...profile,
      predictedDataRate: dataRate,
      predictedDataRateBand: [low / seconds, high / seconds],
      predictedRequestType: requestType,
      predictedSecurityRisk: Math.max(risk, live.risk),
      predictedErrors: errors,
      predictedRateLimit: rateLimit,
      predictedBy: this.prediction.state.model,
    };
  }
}
