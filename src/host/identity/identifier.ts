import { setTimeout as sleep } from 'node:timers/promises';
import { addressPrefix } from '../../quic/address-prefix.js';
import type { AnonymousTokens, TokenProblem } from './anonymous-token.js';
import type { JwtProblem, JwtVerifier } from './jwt-verifier.js';
import type { Pseudonyms } from './pseudonyms.js';

const MAX_NAME = 128;
const HOOK_TIMEOUT_MS = 2000;

/** What a client shows of itself. */
export interface Credentials {
  /** Address, without port. */
  peer: string;
  /** With its query: `client` is a name, `token` and `jwt` what they say. */
  path: string;
  origin?: string | undefined;
  /** From the first control message, over those of the query. */
  token?: string | undefined;
  jwt?: string | undefined;
  /** A first control message is to follow, which may hold what is missing here. */
  follows?: boolean;
}

/** Says who a client is in the operator's own way; null: it does not know. */
export type IdentityHook = (credentials: Credentials) => string | null | Promise<string | null>;

export type IdentityProblem = TokenProblem | JwtProblem | 'jwt-required' | 'hook-failed';

export interface Identity {
  /** Pseudonym. */
  client: string;
  /** The names that older keys gave. */
  older: string[];
  /** How it is known. */
  by: 'jwt' | 'hook' | 'token' | 'address';
  tenant: string | null;
  /** Pseudonym of its address prefix. */
  prefix: string;
  /** For the client to show the next time; null: it is known otherwise. */
  token: string | null;
  /** When its JWT was issued, ms; null without one. */
  issuedAt: number | null;
  /** What was wrong with what it showed: it is known in the next best way. */
  problem: IdentityProblem | null;
}

/** What a JWT is as the answer to a challenge; 'unavailable': its keys are away, and nothing can be said. */
export type JwtVerdict = 'fresh' | 'wrong' | 'unavailable';

export interface IdentifierParts {
  pseudonyms: Pseudonyms;
  tokens: AnonymousTokens | null;
  jwt: JwtVerifier | null;
  /** Sessions without a valid JWT are refused. */
  isJwtRequired: boolean;
  hook: IdentityHook | null;
  /** Told of what the hook does wrong. */
  onHookFault?: (error: unknown) => void;
}

/**
 * Who a client is: by its JWT, the operator's hook, the token that the host gave it, or its address prefix with the name that
 * it gives itself. The name only tells clients of one prefix apart, so nobody can take one elsewhere and be mistaken for its
 * owner. What can't be checked, as its keys are away, counts for nothing.
 */
export class Identifier {
  constructor(readonly parts: IdentifierParts) {}

  /** Null with a problem: the session is to be refused. */
  async identify(
    credentials: Credentials,
    now = Date.now(),
  ): Promise<Identity | { client: null; problem: IdentityProblem; detail: string }> {
    const { pseudonyms, tokens, jwt, isJwtRequired, hook, onHookFault } = this.parts;
    const query = new URLSearchParams(credentials.path.split('?')[1] ?? '');
    const prefix = addressPrefix(credentials.peer);
    const known = { prefix: pseudonyms.ofGroup('prefix', prefix), tenant: null, token: null, issuedAt: null };
    const named = (by: Identity['by'], subject: string, problem: IdentityProblem | null): Identity => ({
      ...known,
      client: pseudonyms.of(subject),
      older: pseudonyms.olderOf(subject),
      by,
      problem,
    });
    const byAddress = `address\0${prefix}\0${(query.get('client') ?? '').slice(0, MAX_NAME)}`;
    let problem: IdentityProblem | null = null;
    const shownJwt = credentials.jwt ?? query.get('jwt');
    if (jwt !== null && shownJwt !== null) {
      const verified = await jwt.verify(shownJwt, now);
      if (!('problem' in verified)) {
        const { subject, tenant, issuedAt } = verified;
        return { ...named('jwt', `jwt\0${subject}`, null), tenant, issuedAt };
      }
      problem = verified.problem;
      // A forged, expired or used one is no mistake to be passed over.
      if (problem !== 'jwks-unavailable' || isJwtRequired) return { client: null, problem, detail: verified.detail };
    } else if (isJwtRequired) {
      if (credentials.follows) return named('address', byAddress, 'jwt-required');
      return { client: null, problem: 'jwt-required', detail: 'there is none' };
    }
    if (hook !== null) {
      try {
        const subject = await answerOf(hook, credentials);
        if (subject !== null) return named('hook', `hook\0${subject}`, problem);
      } catch (error) {
        onHookFault?.(error);
        problem ??= 'hook-failed';
      }
    }
    if (tokens !== null) {
      const shown = credentials.token ?? query.get('token');
      const read = shown === null ? null : tokens.read(shown, now);
      if (read !== null && 'id' in read) {
        return { ...named('token', `token\0${read.id}`, problem), token: tokens.issue(now, read.id) };
      }
      if (read !== null) problem ??= read.problem;
    }
    return named('address', byAddress, problem);
  }

  /** Whether a JWT is a client's, under whichever key it was named, and issued since a time (ms since the epoch). */
  async judge(credentials: Credentials, client: string, since: number, now = Date.now()): Promise<JwtVerdict> {
    const identity = await this.identify(credentials, now);
    if (identity.problem === 'jwks-unavailable') return 'unavailable';
    if (identity.client === null || identity.issuedAt === null) return 'wrong';
    const isTheirs = [identity.client, ...identity.older].includes(client);
    // Whole seconds are all that a token tells.
    return isTheirs && identity.issuedAt >= Math.floor(since / 1000) * 1000 ? 'fresh' : 'wrong';
  }

  /** Pseudonym of an address prefix. */
  groupOf(prefix: string): string {
    return this.parts.pseudonyms.ofGroup('prefix', prefix);
  }

  /** A client that has shown that it can keep a token gets one. */
  issue(now = Date.now()): { token: string; client: string; older: string[] } | null {
    const { tokens, pseudonyms } = this.parts;
    if (tokens === null) return null;
    const token = tokens.issue(now);
    const read = tokens.read(token, now);
    if (!('id' in read)) return null;
    const subject = `token\0${read.id}`;
    return { token, client: pseudonyms.of(subject), older: pseudonyms.olderOf(subject) };
  }

  /** All pseudonyms of what a person may call a client: a pseudonym, `sub:ISSUER|SUBJECT`, `token:TOKEN`, `address:IP[|NAME]`. */
  namesOf(text: string, now = Date.now()): string[] {
    const { pseudonyms, tokens } = this.parts;
    const [kind, rest] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
    const [first, second = ''] = rest.split('|');
    let subject: string;
    if (kind === 'sub') subject = `jwt\0${second === '' ? '' : first}\0${second === '' ? first : second}`;
    else if (kind === 'hook') subject = `hook\0${rest}`;
    else if (kind === 'address') subject = `address\0${addressPrefix(first)}\0${second}`;
    else if (kind === 'token') {
      const read = tokens?.read(rest, now);
      if (read === undefined || !('id' in read)) return [];
      subject = `token\0${read.id}`;
    } else return [text];
    return [pseudonyms.of(subject), ...pseudonyms.olderOf(subject)];
  }
}

/** What a hook says. Rejects where it throws, hangs or answers rubbish. */
async function answerOf(hook: IdentityHook, credentials: Credentials): Promise<string | null> {
  const answered = new AbortController();
  const hung = sleep(HOOK_TIMEOUT_MS, undefined, { ref: false, signal: answered.signal }).then(() => {
    throw new Error(`it did not answer within ${HOOK_TIMEOUT_MS} ms`);
  });
  hung.catch(() => {});
  try {
    const subject: unknown = await Promise.race([hook(credentials), hung]);
    if (subject === null || (typeof subject === 'string' && subject !== '')) return subject;
    throw new TypeError(`it answered ${subject === '' ? 'an empty name' : typeof subject}, not a name or null`);
  } finally {
    answered.abort();
  }
}
