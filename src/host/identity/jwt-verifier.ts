import { readFile } from 'node:fs/promises';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  importSPKI,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { TidegateError } from '../../quic/errors.js';
import type { UsedTokens } from './used-tokens.js';

/** Signatures that anybody can check who has the public key: a shared secret would let each checker forge. */
const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'];
const FETCH_TIMEOUT_MS = 2000;
/** After a key was not found, the set is not fetched again for so long. */
const COOLDOWN_MS = 10_000;

export type JwtProblem = 'jwt-invalid' | 'jwt-expired' | 'jwt-replayed' | 'jwks-unavailable';

export interface JwtOptions {
  /** File (JWKS, or a public key as PEM) or https address of a JWKS. */
  keys: string;
  audience: string;
  issuer?: string | undefined;
  /** s that clocks may differ by. */
  clockTolerance: number;
  /** Each token opens one session: it has to have a `jti`. */
  once: boolean;
}

export interface VerifiedJwt {
  subject: string;
  /** Of the claim `tenant`, where there is one. */
  tenant: string | null;
  issuedAt: number | null;
}

/** Checks JSON Web Tokens (RFC 7519) against a key set that is followed where it changes. */
export class JwtVerifier {
  private constructor(
    readonly options: JwtOptions,
    readonly getKey: JWTVerifyGetKey,
    readonly used: UsedTokens,
  ) {}

  /** Throws TIDEGATE_E_CONFIG where a key file can't be used. */
  static async create(options: JwtOptions, used: UsedTokens): Promise<JwtVerifier> {
    return new JwtVerifier(options, await keySource(options.keys), used);
  }

  /** Says who a token is of, or what is wrong with it. */
  async verify(token: string, now = Date.now()): Promise<VerifiedJwt | { problem: JwtProblem; detail: string }> {
    const { audience, issuer, clockTolerance, once } = this.options;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.getKey, {
        audience,
        clockTolerance,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp', ...(once ? ['jti'] : [])],
        currentDate: new Date(now),
        ...(issuer === undefined ? {} : { issuer }),
      }));
    } catch (error) {
      return { problem: problemOf(error), detail: (error as Error).message };
    }
    if (once && !(await this.#use(payload, now))) return { problem: 'jwt-replayed', detail: 'it was used before' };
    return {
      // Subjects are unique to their issuer only.
      subject: `${payload.iss ?? ''}\0${payload.sub}`,
      tenant: typeof payload.tenant === 'string' ? payload.tenant : null,
      issuedAt: payload.iat === undefined ? null : payload.iat * 1000,
    };
  }

  async #use({ jti, iss, exp }: JWTPayload, now: number): Promise<boolean> {
    return await this.used.use(`${iss ?? ''}\0${jti}`, ((exp ?? 0) + this.options.clockTolerance) * 1000, now);
  }
}

function problemOf(error: unknown): JwtProblem {
  if (error instanceof errors.JWTExpired) return 'jwt-expired';
  if (error instanceof errors.JWKSTimeout) return 'jwks-unavailable';
  if (error instanceof errors.JOSEError && !/JSON Web Key Set HTTP response/.test(error.message)) return 'jwt-invalid';
  // What fetch and DNS throw.
  return 'jwks-unavailable';
}

async function keySource(keys: string): Promise<JWTVerifyGetKey> {
  if (/^https?:\/\//.test(keys)) {
    return createRemoteJWKSet(new URL(keys), { timeoutDuration: FETCH_TIMEOUT_MS, cooldownDuration: COOLDOWN_MS });
  }
  try {
    const text = await readFile(keys, 'utf8');
    if (!text.includes('-----BEGIN')) return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
    return async ({ alg }) => await importSPKI(text, alg ?? 'ES256');
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `identity.jwt.keys is ${keys}: ${(cause as Error).message}`, {
      hint: 'give a JWKS file, a public key as PEM, or the https address of a JWKS',
      cause,
    });
  }
}
