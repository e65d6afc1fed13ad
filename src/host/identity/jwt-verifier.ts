import { type CryptoKey, errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import { KeysAway, keySource } from './jwt-keys.js';
import type { UsedTokens } from './used-tokens.js';

/** Signatures that anybody can check who has the public key: a shared secret would let each checker forge. */
const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'];

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
      payload = await payloadOf(token, this.getKey, {
        audience,
        clockTolerance,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp', ...(once ? ['jti'] : [])],
        currentDate: new Date(now),
        ...(issuer === undefined ? {} : { issuer }),
      });
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

/** Throws where a token is not signed by one of the keys, or is not what is asked for. */
async function payloadOf(token: string, getKey: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, getKey, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error as AsyncIterable<CryptoKey>) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (another) {
        if (!(another instanceof errors.JWSSignatureVerificationFailed)) throw another;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function problemOf(error: unknown): JwtProblem {
  if (error instanceof errors.JWTExpired) return 'jwt-expired';
  return error instanceof KeysAway ? 'jwks-unavailable' : 'jwt-invalid';
}
