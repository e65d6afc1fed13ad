import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { SettingsPolicy } from '../../adapt/settings.js';
import type { CoreShare } from '../../core/layout.js';
import { keepRuntimeQuiet } from '../../predict/runtime.js';
import type { Source } from '../../predict/serving/source.js';
import type { PredictionMemory, RequestType } from '../../profile/behavioral-profile.js';
import { PendingReplies } from '../pending-replies.js';
import type {
  FromPredictor,
  LiveForecast,
  Log,
  NamedModel,
  PredictorInit,
  PredictorOutcome,
  PredictorStatus,
  SessionOpening,
  ToPredictor,
} from './messages.js';
import type { SessionRiskReport } from './risk-alarms.js';

const PREDICTOR_WORKER = new URL('../../../workers/predictor.js', import.meta.url).href;
/** How long the predictor has to tell what it says of all sessions. */
const REPORT_TIMEOUT_MS = 2000;
const FIRST_BACK_OFF_MS = 1000;
const MOST_BACK_OFF_MS = 60_000;
/** A predictor of which nothing is heard for so many ticks, and so many ms, sets no limits: the average does. */
const SILENT_TICKS = 5;
const SILENT_MS = 5000;
/** What it may take to come to its end, ms: a tick, and sequences that are being written. */
const END_MS = 5000;

export interface PredictionHooks {
  log: Log;
  /** A shard's open sessions, for a thread that begins. */
  openings(shard: number): SessionOpening[];
  remember(client: string, memory: PredictionMemory): void;
  onRequestTypes(shard: number, sessions: { handle: number; requestType: RequestType }[]): void;
  /** Sessions are riskier than they were, or less. */
  onRisks(shard: number, sessions: SessionRiskReport[]): void;
  /** The thread ended: nobody is there to say when what was risky no longer is. */
  onNoRisks(): void;
  /** The model serves, or the average does. */
  onStatus(status: PredictorStatus): void;
  onSwapped(model: string): void;
  /** A model that was to serve does not. */
  onRefused(model: string): void;
  /** The thread can't use a model, and ended. */
  onUnusable(model: string): void;
}

/** What `/readyz` says of predictions. */
export interface PredictionState {
  source: Source;
  /** Why the average serves; null: the model does. */
  reason: string | null;
  model: string | null;
  error: number | null;
  averageError: number | null;
}

/**
 * The predictor's thread as the main thread has it: started, told of shards and sessions, started again where it fails. While
 * it is not there, `source` is average and the host sets limits itself.
 */
export class PredictionService {
  readonly #cores = new Map<number, CoreShare>();
  readonly #reports = new PendingReplies<LiveForecast[]>(REPORT_TIMEOUT_MS, []);
  readonly #forgets = new PendingReplies<undefined>(REPORT_TIMEOUT_MS, undefined);
  readonly #stop = new SharedArrayBuffer(4);
  #pool: Piscina | null = null;
  #port: MessagePort | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isReady = false;
  #reason: string | null = 'starting';
  #model: NamedModel;
  /** The one that is to follow, until it serves or is refused. */
  #next: { model: NamedModel; chosen: boolean } | null = null;
  #backOff = FIRST_BACK_OFF_MS;
  #retry: NodeJS.Timeout | undefined;
  #closing = false;
  status: PredictorStatus | null = null;
  #heardAt = 0;
  restarts = 0;

  constructor(
    model: NamedModel,
    readonly tickMs: number,
    readonly policy: SettingsPolicy,
    readonly memoryBudget: number,
    readonly replay: PredictorInit['replay'],
    readonly hooks: PredictionHooks,
    readonly worker: string = PREDICTOR_WORKER,
  ) {
    this.#model = model;
  }

  /** Whether settings follow the model at present. */
  get serves(): boolean {
    return this.#isReady && this.status?.source === 'model' && !this.#isSilent;
  }

  get #isSilent(): boolean {
    return performance.now() - this.#heardAt > Math.max(SILENT_MS, SILENT_TICKS * this.tickMs);
  }

  get state(): PredictionState {
    const { status } = this;
    // Before the first forecast was held against anything there is no error.
    const scores = (status?.scores.horizons['1s']?.count ?? 0) > 0 ? status?.scores : undefined;
    return {
      source: this.serves ? 'model' : 'average',
      reason: this.serves ? null : this.#why(),
      model: this.#isReady ? (status?.model ?? this.#model.id) : null,
      error: scores?.error ?? null,
      averageError: scores?.averageError ?? null,
    };
  }

  #why(): string {
    if (this.#reason !== null) return this.#reason;
    if (this.status === null) return 'starting';
    if (this.#isSilent) return 'the predictor is silent';
    const { error, averageError } = this.status.scores;
    return `the model's live error is ${error.toFixed(3)}, the average's ${averageError.toFixed(3)}`;
  }

  /** Starts the thread. Failures are logged and the average serves; it is tried again where that can help. */
  start(): void {
    keepRuntimeQuiet();
    const { port1, port2 } = new MessageChannel();
    const init: PredictorInit = {
      tickMs: this.tickMs,
      policy: this.policy,
      memoryBudget: this.memoryBudget,
      model: this.#model,
      replay: this.replay,
      stop: this.#stop,
    };
    this.#pool ??= new Piscina({
      filename: this.worker,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 0,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    this.#port = port1;
    port1.on('message', (message: FromPredictor) => this.#onMessage(message));
    const run: Promise<PredictorOutcome> = this.#pool.run({ init, port: port2 }, { transferList: [port2] });
    this.#ended = run.then(
      ({ failed }) => this.#onEnd(failed),
      (error: Error) => this.#onEnd({ code: '', message: error.message }),
    );
    for (const [shard, core] of this.#cores) this.#send({ type: 'shard', shard, core });
    this.tellAgain();
  }

  #onEnd(failed: PredictorOutcome['failed']): void {
    this.#port?.close();
    this.#port = null;
    this.#isReady = false;
    this.#next = null;
    this.status = null;
    this.#reports.giveUp();
    this.#forgets.giveUp();
    if (this.#closing) return;
    this.hooks.onNoRisks();
    this.#reason = failed?.message ?? 'the predictor ended by itself';
    this.hooks.log('warn', 'no model: the average of the past predicts', { reason: this.#reason });
    // A model that can't be used is no better the next time; a thread that broke may be.
    if (failed?.code.startsWith('TIDEGATE_E_')) {
      if (failed.code === 'TIDEGATE_E_MODEL') this.hooks.onUnusable(this.#model.id);
      return;
    }
    this.restarts++;
    this.#retry = setTimeout(() => this.start(), this.#backOff);
    this.#retry.unref();
    this.#backOff = Math.min(this.#backOff * 2, MOST_BACK_OFF_MS);
  }

  #onMessage(message: FromPredictor): void {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#reason = null;
        return;
      case 'status':
        this.status = message.status;
        this.#heardAt = performance.now();
        this.hooks.onStatus(message.status);
        return;
      case 'source': {
        const { error, averageError } = message.scores;
        const text = message.source === 'model' ? 'the model predicts again' : 'the average of the past predicts';
        this.hooks.log(message.source === 'model' ? 'info' : 'warn', text, { error, averageError });
        return;
      }
      case 'swapped':
        if (this.#next?.model.id === message.model) {
          this.#model = this.#next.model;
          this.#next = null;
        }
        this.hooks.log('info', 'another model serves', { model: message.model });
        this.hooks.onSwapped(message.model);
        return;
      case 'refused':
        if (this.#next?.model.id === message.model) this.#next = null;
        this.hooks.log('warn', 'a model was refused', { model: message.model, reason: message.reason });
        this.hooks.onRefused(message.model);
        return;
      case 'remember':
        this.hooks.remember(message.client, message.memory);
        return;
      case 'forgotten':
        this.#forgets.answer(message.request, undefined);
        return;
      case 'requestTypes':
        this.hooks.onRequestTypes(message.shard, message.sessions);
        return;
      case 'risks':
        this.hooks.onRisks(message.shard, message.sessions);
        return;
      case 'report':
        this.#reports.answer(message.request, message.forecasts);
        return;
      case 'log':
        this.hooks.log(message.level, message.message, message.detail);
    }
  }

  /** A shard came, or came again with another memory. */
  shard(shard: number, core: CoreShare): void {
    this.#cores.set(shard, core);
    this.#send({ type: 'shard', shard, core });
  }

  /** A shard is gone. Its sessions were told to be closed before. */
  lost(shard: number): void {
    this.#cores.delete(shard);
    this.#send({ type: 'lost', shard });
  }

  /** Tells again of all open sessions: what functions promise, or which kinds of request they tell apart, may be other than it was. */
  tellAgain(): void {
    for (const shard of this.#cores.keys()) this.opened(shard, this.hooks.openings(shard));
  }

  opened(shard: number, sessions: SessionOpening[]): void {
    if (sessions.length > 0) this.#send({ type: 'opened', shard, sessions });
  }

  errors(shard: number, handle: number, errors: number): void {
    this.#send({ type: 'errors', shard, handle, errors });
  }

  /** What pressure leaves of limits and buffers from now on. */
  setHeadroom(headroom: number): void {
    this.policy.headroom = headroom;
    this.#send({ type: 'headroom', headroom });
  }

  closed(shard: number, handle: number, client: string, errors: number): void {
    this.#send({ type: 'closed', shard, handle, client, errors });
  }

  /** The model that serves, or that is about to. */
  get modelId(): string {
    return (this.#next?.model ?? this.#model).id;
  }

  /** The model that a person chose and that is on its way; null: none. */
  get chosen(): string | null {
    return this.#next?.chosen ? this.#next.model.id : null;
  }

  /** Removes what was recorded of clients, and what was before a time, ms since the epoch. */
  async forget(clients: readonly string[], before: number): Promise<void> {
    if (this.#port === null) return;
    await this.#forgets.ask((request) => this.#send({ type: 'forget', request, clients, before }));
  }

  /**
   * A model is to serve, after so many ticks beside the one that does; `chosen`: even where that does better. A challenger gives
   * way to one that was chosen and is on its way.
   */
  use(model: NamedModel, shadowTicks: number, chosen: boolean): void {
    if (!chosen && this.chosen !== null) {
      this.hooks.log('info', 'the challenger gives way to the model that was chosen', { model: model.id });
      return;
    }
    if (this.#port === null) {
      this.#model = model;
      clearTimeout(this.#retry);
      this.start();
    } else {
      this.#next = { model, chosen };
      this.#send({ type: 'model', model, shadowTicks, chosen });
    }
  }

  /** What is told of all live sessions; empty where the predictor is not there. */
  async forecasts(): Promise<LiveForecast[]> {
    if (!this.#isReady) return [];
    return await this.#reports.ask((request) => this.#send({ type: 'report', request }));
  }

  #send(message: ToPredictor): void {
    this.#port?.postMessage(message);
  }

  /** Waits until the thread has come to its end by itself, as it may be inside the model; one that does not is ended. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    await Promise.race([this.#ended, sleep(END_MS, undefined, { ref: false })]);
    await this.#pool?.destroy();
  }
}
