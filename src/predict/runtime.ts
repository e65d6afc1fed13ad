import { isMainThread } from 'node:worker_threads';
import type * as Ort from 'onnxruntime-node';
import { TidegateError } from '../quic/errors.js';

const NO_TELEMETRY = 'ORT_DISABLE_TELEMETRY';

/**
 * From 1.29 on onnxruntime keeps a device ID and what it sees of models in the home folder, and sends that to its maker, unless the
 * environment says otherwise: so it does here, where nobody chose. The main thread has to say so before another loads
 * it, as threads have copies of the environment only.
 */
export function keepRuntimeQuiet(): void {
  if (process.env[NO_TELEMETRY] !== undefined) return;
  if (isMainThread) process.env[NO_TELEMETRY] = '1';
  else
    process.emitWarning('onnxruntime may report to its maker', {
      detail: `set ${NO_TELEMETRY}=1 where the process starts`,
    });
}

/** onnxruntime, loaded when it is first wanted: it is an optional dependency of 290 MB. Throws TIDEGATE_E_ONNXRUNTIME. */
export async function loadRuntime(): Promise<typeof Ort> {
  keepRuntimeQuiet();
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_ONNXRUNTIME', `onnxruntime-node is not there: ${(cause as Error).message}`, {
      hint: 'npm i onnxruntime-node --onnxruntime-node-install=skip',
      cause,
    });
  }
}

export type NamedArrays = Record<string, { shape: readonly number[]; data: Float32Array }>;

/** A model that runs, on one thread. */
export class OnnxSession {
  private constructor(
    readonly ort: typeof Ort,
    readonly session: Ort.InferenceSession,
  ) {}

  /** Throws TIDEGATE_E_MODEL where the bytes are no model that onnxruntime takes. */
  static async create(model: Uint8Array): Promise<OnnxSession> {
    const ort = await loadRuntime();
    try {
      const session = await ort.InferenceSession.create(model, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
      });
      return new OnnxSession(ort, session);
    } catch (cause) {
      throw new TidegateError('TIDEGATE_E_MODEL', `no model: ${(cause as Error).message}`, { cause });
    }
  }

  /** Columns of an input whose rows are a batch. Throws TIDEGATE_E_MODEL where the model has no such input. */
  columns(name: string): number {
    const input = this.session.inputMetadata.find((metadata) => metadata.name === name);
    const columns = input?.isTensor === true ? input.shape[1] : undefined;
    if (typeof columns === 'number') return columns;
    throw new TidegateError('TIDEGATE_E_MODEL', `the model has no input ${name} of [batch, columns]`);
  }

  async run(inputs: NamedArrays): Promise<Record<string, Float32Array>> {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [name, new this.ort.Tensor('float32', data, shape)]),
    );
    const results = await this.session.run(feeds);
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
