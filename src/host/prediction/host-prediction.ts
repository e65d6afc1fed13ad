import { join } from 'node:path';
import { ModelStore, readPlainModel } from '../../predict/store/model-store.js';
import type { PredictionMemory } from '../../profile/behavioral-profile.js';
import type { HostConfig } from '../config.js';
import { memoryPlan } from '../memory-plan.js';
import { type Log, type NamedModel, named } from './messages.js';
import { ModelKeeper } from './model-keeper.js';
import { type PredictionHooks, PredictionService, type PredictionState } from './prediction-service.js';

/** Sessions that are recorded for training at a time. */
const RECORDED = 32;

export interface HostPredictionHooks {
  log: Log;
  remember(client: string, memory: PredictionMemory): void;
  openings: PredictionHooks['openings'];
  /** Another model predicts, or the average. */
  onSource(state: PredictionState): void;
  onRequestTypes: PredictionHooks['onRequestTypes'];
  onRisks: PredictionHooks['onRisks'];
  onNoRisks: PredictionHooks['onNoRisks'];
}

/** Prediction as the host has it: which model it begins with, the predictor, and who looks after versions and training. */
export class HostPrediction {
  /** Null: no predictions by a model. */
  service: PredictionService | null = null;
  /** Null: the model stays. */
  keeper: ModelKeeper | null = null;
  readonly models: ModelStore;
  #reason = 'switched off';
  #told: Pick<PredictionState, 'source' | 'model'> = { source: 'average', model: null };

  constructor(
    readonly config: HostConfig,
    readonly hooks: HostPredictionHooks,
  ) {
    this.models = new ModelStore(join(config.dataDir, 'models'));
  }

  /** Whether settings follow the model at present. */
  get serves(): boolean {
    return this.service?.serves ?? false;
  }

  /** What `/readyz` says. */
  get state(): PredictionState {
    const none = { source: 'average', reason: this.#reason, model: null, error: null, averageError: null } as const;
    return this.service?.state ?? none;
  }

  /** Rejects with TIDEGATE_E_MODEL where a model is named and not there; everything else is logged. */
  async start(): Promise<void> {
    const { prediction, training, tick, policy, dataDir } = this.config;
    const { memoryBudget } = memoryPlan(this.config);
    if (!prediction.enabled) return;
    const model = await this.#first();
    if (model === null) return;
    const folder = join(dataDir, 'replay');
    const replay = training.enabled ? { folder, most: training.maxSequences, concurrent: RECORDED } : null;
    this.service = new PredictionService(model, tick * 1000, { ...policy, headroom: 1 }, memoryBudget, replay, {
      ...this.hooks,
      onStatus: (status) => {
        this.keeper?.tick(status, Date.now());
        const { source, model: serving } = this.state;
        if (source === this.#told.source && serving === this.#told.model) return;
        this.#told = { source, model: serving };
        this.hooks.onSource(this.state);
      },
      onSwapped: (id) => this.keeper?.swapped(id),
      onRefused: (id) => this.keeper?.refused(id),
      onUnusable: (id) => void this.#useBase(id),
    });
    this.service.start();
    // A model that was named stays.
    if (prediction.model !== undefined) return;
    this.keeper = new ModelKeeper(this.service, this.models, folder, training, this.hooks.log);
    await this.keeper.start();
  }

  /** The model named in the configuration, or the one in the data folder, or the base. */
  async #first(): Promise<NamedModel | null> {
    const { model } = this.config.prediction;
    if (model !== undefined) return await readPlainModel(model);
    try {
      return named(await this.models.champion());
    } catch (error) {
      this.hooks.log('error', 'the model in the data folder is left aside', { error: (error as Error).message });
    }
    const base = await this.#base();
    if (base === null) this.hooks.log('warn', 'no model: the average of the past predicts', { reason: this.#reason });
    return base;
  }

  async #base(): Promise<NamedModel | null> {
    try {
      return named(await this.models.load('base'));
    } catch (error) {
      this.#reason = (error as Error).message;
      return null;
    }
  }

  /** The base instead of a model that can't be used, unless that was named. */
  async #useBase(unusable: string): Promise<void> {
    if (this.config.prediction.model !== undefined) return;
    const base = await this.#base();
    if (base === null) this.hooks.log('error', 'the base model is not there', { error: this.#reason });
    else if (base.id !== unusable) this.service?.use(base, 0, true);
  }

  async close(): Promise<void> {
    this.keeper?.close();
    await this.service?.close();
  }
}
