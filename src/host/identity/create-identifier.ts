import { TidegateError } from '../../quic/errors.js';
import type { HostConfig } from '../config.js';
import { importFresh } from '../fresh-module.js';
import type { HostKeys } from '../keys.js';
import { AnonymousTokens } from './anonymous-token.js';
import { Identifier, type IdentityHook } from './identifier.js';
import { Pseudonyms } from './pseudonyms.js';
import type { UsedTokens } from './used-tokens.js';

/** What a host that serves has beside its configuration. */
export interface ServingParts {
  /** In place of the configuration's hook. */
  identify: IdentityHook | undefined;
  used: UsedTokens;
  /** Told of what the hook does wrong. */
  onHookFault: (error: unknown) => void;
}

/**
 * The identifier that a configuration asks for. Throws TIDEGATE_E_CONFIG where a key file or a hook can't be used.
 * @param serving left out: nobody's tokens are looked at
 */
export async function createIdentifier(
  { jwt, hook, anonymous, tokenDays }: HostConfig['identity'],
  keys: HostKeys,
  serving?: ServingParts,
): Promise<Identifier> {
  return new Identifier({
    pseudonyms: new Pseudonyms(keys.pseudonyms),
    tokens: anonymous ? new AnonymousTokens(keys.tokens, tokenDays) : null,
    // jose takes a while to load: only who has tokens checked waits.
    jwt:
      jwt === undefined || serving === undefined
        ? null
        : await (await import('./jwt-verifier.js')).JwtVerifier.create(jwt, serving.used),
    isJwtRequired: jwt?.required ?? false,
    hook: serving?.identify ?? (hook === undefined ? null : await loadHook(hook)),
    ...(serving === undefined ? {} : { onHookFault: serving.onHookFault }),
  });
}

async function loadHook(path: string): Promise<IdentityHook> {
  try {
    const { default: hook } = await importFresh(path);
    if (typeof hook !== 'function') throw new Error('its default export is no function');
    return hook as IdentityHook;
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `identity.hook is ${path}: ${(cause as Error).message}`, {
      hint: 'give a module whose default export takes a client and says who it is, or null',
      cause,
    });
  }
}
