import { TidegateError } from '../quic/errors.js';
import { SESSION_COLUMNS } from './model/inputs.js';
import { OUTPUT_COLUMNS } from './model/outputs.js';
import { OnnxSession } from './runtime.js';

/** Rows of a step, one a session: what `predictGraph` takes. Longer arrays may be given; what is beyond the rows is not read. */
export interface StepInputs {
  core: Float32Array;
  session: Float32Array;
  state: Float32Array;
}

/** A model that says what sessions will do, a step at a time. It keeps nothing between steps. */
export class Forecaster {
  private constructor(
    /** @internal */
    readonly session: OnnxSession,
    readonly coreColumns: number,
    readonly stateColumns: number,
  ) {}

  /**
   * A model for a core with so many features. Throws TIDEGATE_E_MODEL where the bytes are no model, one for another core, or
   * one that answers with what is no number.
   */
  static async create(model: Uint8Array, features: number): Promise<Forecaster> {
    const session = await OnnxSession.create(model);
    try {
      const forecaster = new Forecaster(session, session.columns('core'), session.columns('state'));
      await forecaster.#check(features);
      return forecaster;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async #check(features: number): Promise<void> {
    if (this.coreColumns !== features) {
      throw new TidegateError(
        'TIDEGATE_E_MODEL',
        `the model takes ${this.coreColumns} features, and there are ${features}`,
      );
    }
    const others = this.session.columns('session');
    if (others !== SESSION_COLUMNS) {
      throw new TidegateError(
        'TIDEGATE_E_MODEL',
        `the model takes ${others} columns of a session, and there are ${SESSION_COLUMNS}`,
      );
    }
    // Of a session that has done nothing, and of one that has done much.
    const rows = 2;
    const inputs = {
      core: new Float32Array(rows * features).fill(5, features),
      session: new Float32Array(rows * others).fill(5, others),
      state: new Float32Array(rows * this.stateColumns),
    };
    const { outputs, next } = await this.step(inputs, rows);
    if (outputs?.length !== rows * OUTPUT_COLUMNS || next?.length !== inputs.state.length) {
      throw new TidegateError(
        'TIDEGATE_E_MODEL',
        `the model has no outputs of ${OUTPUT_COLUMNS} columns and a next state`,
      );
    }
    if (!outputs.every(Number.isFinite) || !next.every(Number.isFinite)) {
      throw new TidegateError('TIDEGATE_E_MODEL', 'the model answers with what is no number');
    }
  }

  /** One step of `rows` sessions: their output rows, and their states for the next step. */
  async step(
    { core, session, state }: StepInputs,
    rows: number,
  ): Promise<{ outputs: Float32Array; next: Float32Array }> {
    const tensor = (data: Float32Array, columns: number) => ({
      shape: [rows, columns],
      data: data.length === rows * columns ? data : data.subarray(0, rows * columns),
    });
    const { outputs, next } = await this.session.run({
      core: tensor(core, this.coreColumns),
      session: tensor(session, SESSION_COLUMNS),
      state: tensor(state, this.stateColumns),
    });
    return { outputs, next };
  }

  /** The same from whole input rows (core, then session), one for each of `count`; undefined is a row of 0. */
  async stepRows(
    rowOf: (i: number) => Float32Array | undefined,
    count: number,
    state: Float32Array,
  ): Promise<{ outputs: Float32Array; next: Float32Array }> {
    const core = new Float32Array(count * this.coreColumns);
    const session = new Float32Array(count * SESSION_COLUMNS);
    for (let i = 0; i < count; i++) {
      const row = rowOf(i);
      if (row === undefined) continue;
      core.set(row.subarray(0, this.coreColumns), i * this.coreColumns);
      session.set(row.subarray(this.coreColumns), i * SESSION_COLUMNS);
    }
    return await this.step({ core, session, state }, count);
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
