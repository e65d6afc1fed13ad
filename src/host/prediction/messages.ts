import type { SettingsPolicy, SettingsPromise } from '../../adapt/settings.js';
import type { CoreShare } from '../../core/layout.js';
import type { ScoreReport, SessionScores } from '../../predict/feedback/live-scores.js';
import type { SessionContext } from '../../predict/model/context.js';
import type { Forecast } from '../../predict/serving/forecast.js';
import type { Source } from '../../predict/serving/source.js';
import type { StoredModel } from '../../predict/store/model-store.js';
import type { PredictionMemory, RequestType } from '../../profile/behavioral-profile.js';
import type { SessionRiskReport } from './risk-alarms.js';

/** A model by its name: the beginning of its file's SHA-256. */
export interface NamedModel {
  id: string;
  bytes: Uint8Array;
}

/** A stored model by its name. */
export function named({ card, bytes }: StoredModel): NamedModel {
  return { id: card.id, bytes };
}

/** Where the parts of prediction say what happens. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, detail: Record<string, unknown>) => void;

/** Everything the predictor starts with. */
export interface PredictorInit {
  tickMs: number;
  policy: SettingsPolicy;
  /** Bytes that the buffers of all sessions may take. */
  memoryBudget: number;
  model: NamedModel;
  /** Where sequences go that models are trained on; null: nowhere. */
  replay: { folder: string; most: number; concurrent: number } | null;
  /** Not 0: it is to stop. A thread that is ended while the model runs takes the process along. */
  stop: SharedArrayBuffer;
}

/** A session that opened, with what its client brings along; or that goes on, where something of this is another. */
export interface SessionOpening {
  handle: number;
  client: string;
  context: SessionContext;
  /** Null: its client left none, or the session goes on. */
  memory: PredictionMemory | null;
  /** What its function promises; null: nothing. */
  promise: SettingsPromise | null;
  /** Its function has endpoints by kind of request: changes of what is foretold are told. */
  isTyped: boolean;
  /** What it was taken for as it opened; null: it goes on, and may be taken for something else by now. */
  requestType: RequestType | null;
}

/** What the predictor says of a live session. */
export interface LiveForecast {
  shard: number;
  handle: number;
  forecast: Forecast;
  scores: SessionScores;
  /** By how unusual the session is: see docs/anomaly.md. */
  risk: number;
  riskReasons: string[];
}

/** How the last ticks went. */
export interface PredictorStatus {
  model: string;
  source: Source;
  sessions: number;
  ticks: number;
  /** Ticks of a shard that passed while another was at work. */
  skipped: number;
  /** Time that the last tick took, ms: from the feature rows to the settings. */
  tickMs: number;
  /** Bytes/s that all sessions together are expected to move in the next ten seconds. */
  dataRate: number;
  scores: ScoreReport;
  /** Sequences for training in the store. */
  sequences: number;
  /** The model that runs in the shadow, and the ticks it has to go. */
  shadow: { model: string; ticks: number } | null;
}

export type ToPredictor =
  | { type: 'shard'; shard: number; core: CoreShare }
  /** A shard is gone, after its sessions were told to be closed. */
  | { type: 'lost'; shard: number }
  | { type: 'opened'; shard: number; sessions: SessionOpening[] }
  | { type: 'errors'; shard: number; handle: number; errors: number }
  | { type: 'closed'; shard: number; handle: number; client: string; errors: number }
  /** A model that is to serve after so many ticks in the shadow; `chosen`: by a person, so not held against the other. */
  | { type: 'model'; model: NamedModel; shadowTicks: number; chosen: boolean }
  /** What pressure leaves of limits and buffers. */
  | { type: 'headroom'; headroom: number }
  | { type: 'report'; request: number }
  | { type: 'forget'; request: number; clients: readonly string[]; before: number };

export type FromPredictor =
  | { type: 'ready' }
  | { type: 'status'; status: PredictorStatus }
  | { type: 'source'; source: Source; scores: ScoreReport }
  | { type: 'swapped'; model: string }
  | { type: 'refused'; model: string; reason: string }
  | { type: 'remember'; client: string; memory: PredictionMemory }
  | { type: 'report'; request: number; forecasts: LiveForecast[] }
  | { type: 'forgotten'; request: number }
  | { type: 'requestTypes'; shard: number; sessions: { handle: number; requestType: RequestType }[] }
  | { type: 'risks'; shard: number; sessions: SessionRiskReport[] }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; message: string; detail: Record<string, unknown> };

/** How the predictor's task ended. */
export interface PredictorOutcome {
  failed: { code: string; message: string } | null;
}
