import { z } from 'zod';
import type { SocketHost } from '../host/socket-host.js';
import { TidegateError } from '../quic/errors.js';
import { problemsOf } from '../validation/problems.js';

const client = z.strictObject({ client: z.string().min(1).max(8192) });
const nothing = z.strictObject({});

interface Action {
  body: z.ZodType;
  run(host: SocketHost, body: never, hooks: ActionHooks): Promise<unknown>;
}

/** What actions need beside the host. */
export interface ActionHooks {
  /** As on SIGHUP. */
  reload(): Promise<void>;
}

function action<T>(
  body: z.ZodType<T>,
  run: (host: SocketHost, body: T, hooks: ActionHooks) => Promise<unknown>,
): Action {
  return { body, run: run as Action['run'] };
}

/** What a person with the token may have the host do. */
const ACTIONS: Record<string, Action> = {
  forget: action(client, async (host, body) => {
    const names = await host.clientData.forget(body.client);
    return { forgotten: names };
  }),
  export: action(client, async (host, body) => await host.clientData.export(body.client)),
  mode: action(z.strictObject({ mode: z.enum(['enforce', 'observe']) }), async (host, { mode }) => {
    host.setMode(mode);
    return { mode };
  }),
  reload: action(nothing, async (_host, _body, { reload }) => {
    await reload();
    return { reloaded: true };
  }),
};

/** Does what was asked for; each is logged. Returns status and answer. */
export async function act(
  host: SocketHost,
  name: string,
  text: string,
  hooks: ActionHooks,
): Promise<{ status: number; answer: unknown }> {
  const known = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (known === undefined) {
    return {
      status: 404,
      answer: { error: `there is no action ${name}; there are ${Object.keys(ACTIONS).join(', ')}` },
    };
  }
  let body: unknown;
  try {
    body = JSON.parse(text === '' ? '{}' : text);
  } catch {
    return { status: 400, answer: { error: 'the body is no JSON' } };
  }
  const parsed = known.body.safeParse(body);
  if (!parsed.success) {
    const problems = problemsOf(known.body, parsed.error, body, 'the body');
    return { status: 400, answer: { error: problems.join('; ') } };
  }
  // Whom an export or a removal is about stays out of the log.
  host.emit('log', 'info', 'action over the admin listener', { action: name });
  try {
    return { status: 200, answer: await known.run(host, parsed.data as never, hooks) };
  } catch (error) {
    const isTold = error instanceof TidegateError;
    host.emit('log', 'warn', 'the action failed', { action: name, error: (error as Error).message });
    return { status: isTold ? 409 : 500, answer: { error: (error as Error).message } };
  }
}
