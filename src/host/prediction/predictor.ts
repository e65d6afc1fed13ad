import { shareBudget } from '../../adapt/memory-budget.js';
import { FeatureMatrixReader, type FeatureTick } from '../../core/feature-matrix.js';
import { LimitsMailbox } from '../../core/limits-mailbox.js';
import { sigmoid } from '../../predict/feedback/feedback.js';
import { LiveScores, type ScoreReport } from '../../predict/feedback/live-scores.js';
import { Forecaster } from '../../predict/forecaster.js';
import { SESSION_COLUMNS } from '../../predict/model/inputs.js';
import { OUTPUT_COLUMNS, OUTPUTS } from '../../predict/model/outputs.js';
import { FunctionHabits } from '../../predict/risk/function-habits.js';
import { readScale } from '../../predict/risk/risk-scale.js';
import { SessionRisks } from '../../predict/risk/session-risks.js';
import { readForecast, totalRate } from '../../predict/serving/forecast.js';
import { ReplayRecorder } from '../../predict/serving/replay-recorder.js';
import { SessionRows } from '../../predict/serving/session-rows.js';
import { ShadowComparison } from '../../predict/serving/shadow-comparison.js';
import { SourceChoice } from '../../predict/serving/source.js';
import { ReplayStore } from '../../predict/store/replay-store.js';
import { KindWatch } from './kind-watch.js';
import type { FromPredictor, NamedModel, PredictorInit, SessionOpening, ToPredictor } from './messages.js';
import { RiskAlarms } from './risk-alarms.js';
import { SettingsWriter } from './settings-writer.js';

/** Sessions of one run of the model: their rows and what is made of them stay in the processor's cache. */
const SLICE = 1024;

/** A shard as the predictor sees it. */
interface ShardView {
  reader: FeatureMatrixReader;
  rows: SessionRows;
  writer: SettingsWriter;
  /** Clients of its sessions, by handle. */
  clients: Map<number, string>;
  kinds: KindWatch;
  risks: SessionRisks;
  alarms: RiskAlarms;
  /** The last tick that was read. */
  tick: number;
}

/** A model that runs beside the one that serves. */
interface Shadow {
  id: string;
  forecaster: Forecaster;
  comparison: ShadowComparison;
  ticks: number;
  chosen: boolean;
}

/**
 * Each tick: the feature rows of all shards go through the model, and what comes out into the session records. Messages are
 * taken between ticks, so that nothing changes within one.
 */
export class Predictor {
  readonly #shards = new Map<number, ShardView>();
  readonly #inbox: ToPredictor[] = [];
  readonly #scores = new LiveScores();
  readonly #scale = readScale();
  readonly #habits = new FunctionHabits(this.#scale);
  readonly #choice = new SourceChoice();
  #forecaster: Forecaster;
  #model: string;
  #shadow: Shadow | null = null;
  readonly #recorder: ReplayRecorder | null;
  #ticks = 0;
  #skipped = 0;
  /** It was said that sequences can't be written. */
  #storeFailed = false;

  get #tickSeconds(): number {
    return this.init.tickMs / 1000;
  }

  private constructor(
    readonly init: PredictorInit,
    forecaster: Forecaster,
    readonly send: (message: FromPredictor) => void,
    readonly features: number,
    readonly store: ReplayStore | null,
  ) {
    this.#forecaster = forecaster;
    this.#recorder = init.replay === null ? null : new ReplayRecorder(init.replay.concurrent, Math.random);
    this.#model = init.model.id;
  }

  /** Throws TIDEGATE_E_MODEL or TIDEGATE_E_ONNXRUNTIME. */
  static async create(
    init: PredictorInit,
    features: number,
    send: (message: FromPredictor) => void,
  ): Promise<Predictor> {
    const forecaster = await Forecaster.create(init.model.bytes, features);
    const { replay } = init;
    const store = replay === null ? null : await ReplayStore.open(replay.folder, replay.most);
    return new Predictor(init, forecaster, send, features, store);
  }

  receive(message: ToPredictor): void {
    this.#inbox.push(message);
  }

  /** Whether a shard has a tick that was not read yet, and whether all that tick have. */
  due(): 'none' | 'some' | 'all' {
    let [some, all] = [false, true];
    for (const { reader, tick } of this.#shards.values()) {
      if (reader.tick !== tick) some = true;
      else all = false;
    }
    return !some ? 'none' : all ? 'all' : 'some';
  }

  /** Takes the messages that came since. */
  async takeMessages(): Promise<void> {
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) {
      await this.#take(message);
    }
  }

  async #take(message: ToPredictor): Promise<void> {
    switch (message.type) {
      case 'shard': {
        const { core } = message;
        const rows = new SessionRows(core.layout, this.#forecaster.stateColumns, this.#tickSeconds, this.#scores);
        if (this.#shadow !== null) rows.addShadow(this.#shadow.forecaster.stateColumns);
        this.#shards.set(message.shard, {
          reader: new FeatureMatrixReader(core),
          rows,
          writer: new SettingsWriter(new LimitsMailbox(core), this.init.policy, this.#tickSeconds),
          clients: new Map(),
          kinds: new KindWatch(),
          risks: new SessionRisks(core.layout.features, this.#tickSeconds, this.#scale, this.#habits),
          alarms: new RiskAlarms(),
          tick: 0,
        });
        return;
      }
      case 'lost': {
        const view = this.#shards.get(message.shard);
        if (view !== undefined) this.#recorder?.leave(view.rows);
        this.#shards.delete(message.shard);
        return;
      }
      case 'opened':
        for (const session of message.sessions) this.#open(message.shard, session);
        return;
      case 'errors':
        this.#shards.get(message.shard)?.rows.tell(message.handle, message.errors);
        return;
      case 'headroom':
        this.init.policy.headroom = message.headroom;
        return;
      case 'closed':
        this.#close(message.shard, message.handle, message.client, message.errors);
        return;
      case 'model':
        await this.#beginShadow(message.model, message.shadowTicks, message.chosen);
        return;
      case 'report':
        this.#report(message.request);
        return;
      case 'forget':
        await this.#forget(message.clients, message.before);
        this.send({ type: 'forgotten', request: message.request });
        return;
    }
  }

  async #forget(clients: readonly string[], before: number): Promise<void> {
    this.#recorder?.forget(clients);
    const gone = new Set(clients);
    // What they go on doing is recorded no more.
    for (const { clients: open } of this.#shards.values()) {
      for (const [handle, client] of open) if (gone.has(client)) open.delete(handle);
    }
    await this.store?.forget(clients, before);
  }

  #open(shard: number, opening: SessionOpening): void {
    const { handle, client, context, memory, promise, isTyped, requestType } = opening;
    const view = this.#shards.get(shard);
    if (view === undefined) return;
    view.clients.set(handle, client);
    view.risks.opened(handle, context);
    view.writer.promise(handle, promise);
    if (isTyped) view.kinds.watch(handle, requestType);
    else view.kinds.closed(handle);
    // A state means nothing to another model.
    const state = memory !== null && memory.model === this.#model ? memory.state : null;
    view.rows.open(handle, { context, state, bias: memory?.bias ?? null });
  }

  #close(shard: number, handle: number, client: string, errors: number): void {
    const view = this.#shards.get(shard);
    if (view === undefined) return;
    view.clients.delete(handle);
    view.writer.closed(handle);
    view.kinds.closed(handle);
    view.risks.closed(handle, view.rows.slotOf(handle));
    view.alarms.closed(handle);
    const left = view.rows.close(handle, errors);
    if (left === null) return;
    const { requestType, risk } = readForecast(left.outputs, 0, this.#tickSeconds);
    const memory = { model: this.#model, state: left.state, bias: left.bias, requestType, risk };
    this.send({ type: 'remember', client, memory });
  }

  #report(request: number): void {
    const forecasts = [...this.#shards].flatMap(([shard, { rows, risks }]) =>
      Array.from({ length: rows.rows }, (_, row) => ({
        shard,
        handle: rows.handles[row],
        forecast: readForecast(rows.outputs, row, this.#tickSeconds),
        scores: rows.feedback.session(rows.placeOf(row)),
        risk: risks.riskAt(rows.placeOf(row)),
        riskReasons: risks.reasonsAt(rows.placeOf(row)),
      })),
    );
    this.send({ type: 'report', request, forecasts });
  }

  /** One tick over all shards that have one. */
  async tick(): Promise<void> {
    const started = performance.now();
    this.#scores.decay();
    let [sessions, dataRate] = [0, 0];
    for (const view of this.#shards.values()) {
      const tick = view.reader.read(view.tick);
      if (tick === null) continue;
      view.tick = tick.tick;
      const skipped = view.rows.take(tick);
      view.risks.tick(view.rows, tick);
      this.#skipped += skipped;
      this.#record(view, tick, skipped);
      sessions += tick.rows;
      for (let from = 0; from < tick.rows; from += SLICE) {
        await this.#step(view, tick, from, Math.min(from + SLICE, tick.rows));
      }
      dataRate += totalRate(view.rows.outputs, tick.rows, this.#tickSeconds);
    }
    // Where the average serves, buffers are not those that were written here.
    if (this.#choice.source === 'model') this.#keepBudget();
    for (const [shard, { kinds }] of this.#shards) {
      const changed = kinds.takeChanged();
      if (changed.length > 0) this.send({ type: 'requestTypes', shard, sessions: changed });
    }
    for (const [shard, { rows, risks, alarms }] of this.#shards) {
      const changed = alarms.look(rows, risks);
      if (changed.length > 0) this.send({ type: 'risks', shard, sessions: changed });
    }
    this.#ticks++;
    const scores = this.#scores.report();
    this.#choose(scores);
    await this.#advanceShadow();
    this.send({
      type: 'status',
      status: {
        model: this.#model,
        source: this.#choice.source,
        sessions,
        ticks: this.#ticks,
        skipped: this.#skipped,
        tickMs: performance.now() - started,
        dataRate,
        scores,
        sequences: this.store?.size ?? 0,
        shadow: this.#shadow === null ? null : { model: this.#shadow.id, ticks: this.#shadow.ticks },
      },
    });
  }

  /** Keeps what some sessions do for training. A full disk costs sequences, nothing else. */
  #record({ rows, clients, alarms }: ShardView, tick: FeatureTick, skipped: number): void {
    if (this.#recorder === null) return;
    const now = Date.now();
    // Who may be abusive teaches the model nothing.
    const clientOf = (handle: number): string | undefined =>
      alarms.isSuspect(handle) ? undefined : clients.get(handle);
    for (const sequence of this.#recorder.take(rows, tick, skipped, now, clientOf)) {
      this.store?.add(sequence, now).catch((error: Error) => {
        if (!this.#storeFailed) {
          this.send({
            type: 'log',
            level: 'warn',
            message: 'sequences are not kept',
            detail: { error: error.message },
          });
        }
        this.#storeFailed = true;
      });
    }
  }

  async #step({ rows, writer, kinds }: ShardView, tick: FeatureTick, from: number, to: number): Promise<void> {
    const count = to - from;
    const core = tick.features.subarray(from * this.features, to * this.features);
    const session = rows.session.subarray(from * SESSION_COLUMNS, to * SESSION_COLUMNS);
    const slice = (model: number): { data: Float32Array; at: number } => {
      const { columns, data } = rows.states[model];
      return { data: data.subarray(from * columns, to * columns), at: from * columns };
    };
    const champion = slice(0);
    const { outputs, next } = await this.#forecaster.step({ core, session, state: champion.data }, count);
    rows.states[0].data.set(next, champion.at);
    if (this.#shadow !== null) {
      const challenger = slice(1);
      const other = await this.#shadow.forecaster.step({ core, session, state: challenger.data }, count);
      rows.states[1].data.set(other.next, challenger.at);
      this.#shadow.comparison.compare(rows, from, to, outputs, other.outputs);
    }
    const serves = this.#choice.source === 'model';
    for (let row = 0; row < count; row++) {
      const place = rows.placeOf(from + row);
      rows.feedback.correct(place, outputs, row, rows.totals[from + row]);
      // Rows may come before it is told what the session's function promises.
      if (serves && rows.isKnown(place)) writer.follow(rows.handles[from + row], place, outputs, row);
      kinds.look(rows.handles[from + row], outputs, row);
    }
    rows.outputs.set(outputs, from * OUTPUT_COLUMNS);
  }

  /** Where all buffers together are over the budget, sessions give theirs that are least likely to do anything. */
  #keepBudget(): void {
    const { memoryBudget, policy } = this.init;
    let total = 0;
    for (const { rows, writer } of this.#shards.values()) {
      for (let row = 0; row < rows.rows; row++) total += writer.bufferOf(rows.handles[row], rows.placeOf(row));
    }
    if (total <= memoryBudget) return;
    const all = [...this.#shards.values()].flatMap(({ rows, writer }) =>
      Array.from({ length: rows.rows }, (_, row) => ({ rows, writer, row, handle: rows.handles[row] })),
    );
    const claims = all.map(({ rows, writer, row, handle }) => ({
      wanted: writer.bufferOf(handle, rows.placeOf(row)),
      least: policy.minBufferSize,
      need: sigmoid(rows.outputs[row * OUTPUT_COLUMNS + OUTPUTS.any.at]),
    }));
    shareBudget(claims, memoryBudget).forEach((bytes, i) => {
      const { rows, writer, row, handle } = all[i];
      if (bytes < claims[i].wanted) writer.shrink(handle, rows.placeOf(row), bytes, rows.outputs, row);
    });
  }

  /** The average serves where its live error is the smaller one. */
  #choose(scores: ScoreReport): void {
    if (!this.#choice.update(this.#scores.compared, scores.error, scores.averageError)) return;
    this.send({ type: 'source', source: this.#choice.source, scores });
  }

  async #beginShadow({ id, bytes }: NamedModel, ticks: number, chosen: boolean): Promise<void> {
    try {
      const forecaster = await Forecaster.create(bytes, this.features);
      await this.#endShadow(false);
      this.#shadow = { id, forecaster, comparison: new ShadowComparison(), ticks, chosen };
      for (const { rows } of this.#shards.values()) rows.addShadow(forecaster.stateColumns);
      if (ticks === 0) await this.#swap();
    } catch (error) {
      this.send({ type: 'refused', model: id, reason: (error as Error).message });
    }
  }

  async #advanceShadow(): Promise<void> {
    if (this.#shadow === null || --this.#shadow.ticks > 0) return;
    const { id, comparison, chosen } = this.#shadow;
    const reason = comparison.objection(chosen);
    if (reason === null) await this.#swap();
    else {
      await this.#endShadow(false);
      this.send({ type: 'refused', model: id, reason });
    }
  }

  /** The shadow serves from the next tick on, with states that are warm. */
  async #swap(): Promise<void> {
    const { id } = this.#shadow as Shadow;
    await this.#endShadow(true);
    this.#model = id;
    this.#scores.clear();
    this.#choice.reset();
    this.send({ type: 'swapped', model: id });
  }

  async #endShadow(serves: boolean): Promise<void> {
    const shadow = this.#shadow;
    if (shadow === null) return;
    this.#shadow = null;
    for (const { rows } of this.#shards.values()) rows.endShadow(serves);
    const leaving = serves ? this.#forecaster : shadow.forecaster;
    if (serves) this.#forecaster = shadow.forecaster;
    await leaving.release();
  }

  async close(): Promise<void> {
    await this.#endShadow(false);
    await this.#forecaster.release();
  }
}
