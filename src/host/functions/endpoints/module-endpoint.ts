import { TidegateError } from '../../../quic/errors.js';
import { importFresh } from '../../fresh-module.js';
import type { CloseReason, Delivery, FunctionSession, Handlers, Reply } from '../handler.js';
import { type Endpoint, EndpointError } from './endpoint.js';

const NAMES = ['open', 'data', 'close'] as const;

/** Handlers of a module, in the shard's own thread. */
export class ModuleEndpoint implements Endpoint {
  readonly url = null;

  constructor(readonly handlers: Handlers) {}

  /** Loads a module; one that changed since is loaded anew. Throws TIDEGATE_E_FUNCTION. */
  static async load(path: string): Promise<ModuleEndpoint> {
    const fail = (reason: string, cause?: unknown): TidegateError =>
      new TidegateError('TIDEGATE_E_FUNCTION', `the function module ${path}: ${reason}`, {
        hint: "it has to have `export default defineFunction({ open, data, close })` from 'tidegate'",
        cause,
      });
    let loaded: { default?: unknown };
    try {
      loaded = await importFresh(path);
    } catch (cause) {
      throw fail((cause as Error).message, cause);
    }
    const handlers = loaded.default;
    if (handlers === undefined) throw fail('there is no default export');
    if (typeof handlers !== 'object' || handlers === null) throw fail('its default export is no object');
    for (const [name, value] of Object.entries(handlers)) {
      if (!(NAMES as readonly string[]).includes(name)) throw fail(`${name} is none of ${NAMES.join(', ')}`);
      if (typeof value !== 'function') throw fail(`${name} is no function`);
    }
    return new ModuleEndpoint(handlers as Handlers);
  }

  open(session: FunctionSession): unknown {
    return this.handlers.open?.(session);
  }

  data(delivery: Delivery, session: FunctionSession): Reply | Promise<Reply> {
    const result = this.handlers.data?.(delivery, session);
    if (isPromise(result)) return result.then(checked);
    return checked(result);
  }

  close(session: FunctionSession, reason: CloseReason): unknown {
    return this.handlers.close?.(session, reason);
  }
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function checked(result: unknown): Reply {
  if (result === undefined || result === null) return undefined;
  if (typeof result === 'string' || result instanceof Uint8Array) return result;
  throw new EndpointError('handler-rubbish', `data returned ${typeof result}, not bytes, text or nothing`);
}
