import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Strategy, type StrategyOptionsWithoutRequest } from 'passport-jwt';
import { z } from 'zod';
import type { VerificationKeys } from './issuer-keys.js';

/** Which tokens are accepted. All of it must hold. */
export interface TokenRules {
  /** Where the issuer publishes its keys. Keys named inside a token are never followed. */
  readonly jwksUri: string;
  readonly issuer: string;
  readonly audience: string;
  /** The JOSE type, so that a token for one purpose opens nothing else: `at+jwt` (RFC 9068). */
  readonly typ: string;
  /** Seconds from `iat` to `exp` at most: a key that leaked must not make tokens that outlive everybody. */
  readonly maxLifetimeS: number;
}

const MAX_TOKEN_LENGTH = 4_096;
const CLOCK_SKEW_S = 60;

const header = z.object({
  alg: z.literal('ES256'),
  typ: z.string(),
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  // Whoever could name the key, or demand an extension, could choose what is checked.
  ...Object.fromEntries(
    ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'].map((name) => [name, z.undefined().optional()]),
  ),
});

/** A passport-jwt strategy for ES256 tokens by JWKS. `accept` turns the verified payload into the caller, or throws. */
export function bearerStrategy(
  rules: Omit<TokenRules, 'jwksUri'>,
  keys: Pick<VerificationKeys, 'find'>,
  accept: (payload: unknown) => object,
): Strategy {
  const options: StrategyOptionsWithoutRequest = {
    // Not passport-jwt's own extractor: it takes the first of several words, and what follows would go unchecked.
    jwtFromRequest: (request: IncomingMessage) => bearerToken(request.headers.authorization) ?? null,
    algorithms: ['ES256'],
    issuer: rules.issuer,
    audience: rules.audience,
    // The guard compares `exp` itself, on cached tokens too, and so knows whose token it was that expired.
    ignoreExpiration: true,
    secretOrKeyProvider: (_request: unknown, token: string, done) => {
      keyOf(token, rules.typ, keys).then(
        (key) => {
          // jsonwebtoken, to which it goes, takes a KeyObject; the types of passport-jwt know only text and bytes.
          done(null, key as unknown as Buffer);
        },
        (error: unknown) => {
          done(error);
        },
      );
    },
  };
  return new Strategy(options, (payload: unknown, done) => {
    try {
      const { iat, exp } = lifetime.parse(payload);
      if (exp - iat > rules.maxLifetimeS) throw new Error('the token lives longer than any that is issued');
      done(null, accept(payload));
    } catch (error) {
      done(null, false, error);
    }
  });
}

/**
 * Checks what passport-jwt does not, before any signature is verified.
 *
 * @throws {KeysUnavailable}
 */
async function keyOf(token: string, typ: string, keys: Pick<VerificationKeys, 'find'>): Promise<KeyObject> {
  if (token.length > MAX_TOKEN_LENGTH) throw new Error('the token is too long');
  const [encoded = '', payload = '', signature = ''] = token.split('.');
  for (const part of [encoded, payload, signature]) {
    if (!isBase64Url(part)) throw new Error('the token is not base64url');
  }
  const parsed = header.parse(JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8')));
  if (parsed.typ.toLowerCase() !== typ) throw new Error(`the token is a ${parsed.typ}, not a ${typ}`);
  const key = await keys.find(parsed.kid);
  if (key === undefined) throw new Error('the issuer has no such key');
  return key;
}

/** Decoders overlook stray characters, and the bits of the last one that no byte needs; a token has one spelling. */
function isBase64Url(part: string): boolean {
  const last = part.slice(part.length - (part.length % 4));
  return /^[A-Za-z0-9_-]*$/.test(part) && Buffer.from(last, 'base64url').toString('base64url') === last;
}

/** In Unix seconds. */
const lifetime = z.object({
  iat: z
    .int()
    .nonnegative()
    .refine((at) => at <= Date.now() / 1000 + CLOCK_SKEW_S, 'lies in the future'),
  exp: z.int().positive(),
});

/** The id of the key that a token says it was signed with; the token must have been verified. */
export function keyIdOf(token: string): string {
  return header.parse(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'))).kid;
}

/** The bearer token of a request; undefined where there is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(.+)$/i.exec(authorization ?? '')?.[1];
}

/** The token of a request that comes with a proof of its key (DPoP, RFC 9449); undefined where there is none. */
export function dpopToken(authorization: string | undefined): string | undefined {
  return /^dpop +(.+)$/i.exec(authorization ?? '')?.[1];
}
