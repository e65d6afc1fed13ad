import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { ModelStore } from '../../predict/store/model-store.js';
import { processors } from '../processors.js';
import { LoadWatch } from './load-watch.js';
import { type Log, named, type PredictorStatus } from './messages.js';
import { ModelWatch } from './model-watch.js';
import type { PredictionService } from './prediction-service.js';
import { TrainerProcess } from './trainer-process.js';
import { type TrainingPolicy, TrainingSchedule } from './training-schedule.js';

/** Ticks that a model which somebody chose runs in the shadow: its states warm up. */
const CHOSEN_SHADOW_TICKS = 5;
/** ms for a choice to be written whole. */
const SETTLE_MS = 200;

/**
 * Which model serves: trains challengers, lets them run in the shadow, makes them current, watches them and sends them back;
 * follows what `tidegate model` writes into the data folder.
 */
export class ModelKeeper {
  readonly #schedule: TrainingSchedule;
  readonly #load = new LoadWatch();
  #trainer: TrainerProcess | null = null;
  #watch: ModelWatch | null = null;
  /** The model that is being gone back to. */
  #returning: string | null = null;
  #files: FSWatcher | null = null;
  #settle: NodeJS.Timeout | undefined;
  #closed = false;
  /** What is current in the data folder, as far as this keeper knows. */
  #known: string | null = null;
  /** What the model that serves did before the last change, over the average. */
  #ratio: number | null = null;
  /** For `/metrics`: runs of the trainer by how they ended. */
  readonly runs = { accepted: 0, refused: 0, failed: 0 };
  rollbacks = 0;

  constructor(
    readonly service: PredictionService,
    readonly models: ModelStore,
    readonly replay: string,
    readonly policy: TrainingPolicy,
    readonly log: Log,
  ) {
    this.#schedule = new TrainingSchedule(policy, Date.now());
  }

  /** Follows the choice in the data folder from now on. */
  async start(): Promise<void> {
    await mkdir(this.models.folder, { recursive: true });
    this.#known = await this.models.current().then(
      ({ model }) => model,
      () => null,
    );
    this.#files = watch(this.models.folder, (_, name) => {
      if (name !== 'current.json') return;
      clearTimeout(this.#settle);
      this.#settle = setTimeout(() => this.#guard(this.#followChoice()), SETTLE_MS);
      this.#settle.unref();
    });
    this.#files.on('error', (error) => this.log('warn', 'the model folder is not followed', { error: error.message }));
  }

  get isTraining(): boolean {
    return this.#trainer !== null;
  }

  get trainerPid(): number | undefined {
    return this.#trainer?.pid;
  }

  #guard(work: Promise<void>): void {
    work.catch((error: Error) => this.log('error', 'the model stays as it is', { error: error.message }));
  }

  /** Each tick of the predictor. */
  tick(status: PredictorStatus, now: number): void {
    // A thread that begins anew knows nothing of a model that was chosen and on its way.
    if (status.ticks === 1) this.#guard(this.#followChoice());
    const { error, averageError, horizons } = status.scores;
    const compared = horizons['1s']?.count ?? 0;
    const ratio = compared > 0 && averageError > 0 ? error / averageError : null;
    const objection = this.#watch?.model === status.model ? this.#watch.tick(compared, error, averageError) : null;
    if (objection !== null) {
      this.#watch = null;
      this.#guard(this.#rollBack(status.model, objection));
    } else if (this.#watch?.isOver) {
      this.#watch = null;
    }
    if (this.#watch === null) this.#ratio = ratio;
    const isOverloaded = this.#load.isOverloaded(status.skipped, now);
    this.#trainer?.pause(isOverloaded);
    if (this.#trainer !== null || status.shadow !== null || isOverloaded) return;
    const reason = this.#schedule.due(now, status.sequences, ratio);
    if (reason !== null) this.#guard(this.train(reason));
  }

  /** Fits a challenger in a process of its own, and lets it run in the shadow where it is better. */
  async train(reason: string): Promise<void> {
    if (this.#trainer !== null || this.#closed) return;
    const champion = this.service.status?.model ?? 'base';
    this.log('info', 'training begins', { reason, champion });
    const trainer = new TrainerProcess({
      models: this.models.folder,
      base: this.models.base,
      replay: this.replay,
      champion,
      iterations: this.policy.iterations,
      seed: Date.now() % 2 ** 31,
      // Where there is less than one, so that it takes no more of that.
      cpuShare: this.policy.cpuShare * Math.min(1, processors()),
    });
    this.#trainer = trainer;
    const result = await trainer.result;
    this.#trainer = null;
    if (this.#closed) return;
    if (result.type === 'failed') {
      this.runs.failed++;
      this.log('warn', 'training failed; the model stays as it is', { reason: result.reason });
      return;
    }
    const { model, metrics, damaged } = result;
    if (damaged > 0) this.log('warn', 'sequences could not be read', { damaged });
    if (model === null) {
      this.runs.refused++;
      this.log('info', 'the challenger was refused', { reason: result.reason, ...metrics });
      return;
    }
    this.runs.accepted++;
    this.log('info', 'the challenger runs in the shadow', { model, reason: result.reason, ...metrics });
    this.service.use(named(await this.models.load(model)), this.policy.shadowTicks, false);
  }

  /** The shadow serves: it becomes current, and is watched. */
  swapped(model: string): void {
    this.#schedule.reset();
    // What was gone back to is not watched: there is nothing to hold it against.
    this.#watch = model === this.#returning ? null : new ModelWatch(model, this.#ratio, this.policy.watchTicks);
    this.#returning = null;
    this.#guard(this.#makeCurrent(model));
  }

  /** A challenger does not write over what a person chose while it was in the shadow. */
  async #makeCurrent(model: string): Promise<void> {
    const { model: current } = await this.models.current();
    const { chosen } = this.service;
    if (current !== model && (current !== this.#known || (chosen !== null && chosen !== model))) {
      await this.#followChoice();
      return;
    }
    await this.models.use(model);
    this.#known = model;
  }

  /** A model can't serve: where it was chosen, the one that serves is current again, and nobody goes back to the other. */
  refused(model: string): void {
    this.#guard(this.#forgetChoice(model));
  }

  async #forgetChoice(model: string): Promise<void> {
    const { model: current } = await this.models.current();
    if (current !== model) return;
    this.#known = this.service.modelId;
    await this.models.restore(this.service.modelId);
  }

  async #rollBack(model: string, reason: string): Promise<void> {
    const card = await this.models.rollback();
    this.#known = card.id;
    // Before the base there is none.
    if (card.id === model) return;
    this.rollbacks++;
    this.#returning = card.id;
    this.log('warn', 'the model is sent back', { model, to: card.id, reason });
    await this.#followChoice();
  }

  /** Serves what is current in the data folder. */
  async #followChoice(): Promise<void> {
    if (this.#closed) return;
    this.#known = (await this.models.current()).model;
    const model = named(await this.models.champion());
    if (model.id === this.service.modelId) return;
    this.service.use(model, CHOSEN_SHADOW_TICKS, true);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#settle);
    this.#files?.close();
    this.#trainer?.kill();
  }
}
