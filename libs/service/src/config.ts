import { hasNoPattern, looksRandom } from '@rebelcore/credentials/random-key';
import { z } from 'zod';
import { proxyList } from './client-address.js';

/** The environment does not describe a service that may start; the message names every variable and its rule. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses the environment once into one typed object. Values are never part of a message, since they may be secrets.
 *
 * @throws {ConfigError}
 */
export function parseConfig<Schema extends z.ZodType>(schema: Schema, env: Environment = process.env): z.infer<Schema> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => {
      const name = issue.path.join('.');
      const missing = issue.code === 'invalid_type' && !(name in present);
      return `${name}: ${missing ? 'is required' : issue.message}`;
    }),
  );
}

const FORBIDDEN_SECRETS = /^(.)\1*$|changeme|change-me|password|secret|example|default/i;

/** What people write where the password of a login should be. */
const isPlaceholder = (password: string, user = '') =>
  FORBIDDEN_SECRETS.test(password) || password.toLowerCase() === user.toLowerCase();
const PLACEHOLDER = 'must not be a placeholder, nor the name of its user';

/** A secret text of at least `length` characters that nobody would guess. */
export const secretText = (length: number) =>
  z
    .string()
    .min(length, `must be at least ${String(length)} characters`)
    .refine(
      (value) => !FORBIDDEN_SECRETS.test(value) && hasNoPattern(Buffer.from(value)),
      'must be random, not a placeholder',
    );

/** A 256-bit key in base64url. */
export const secretKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}=?$/, 'must be 32 random bytes in base64url')
  .transform((text) => Buffer.from(text, 'base64url'))
  .refine(looksRandom, 'must be random, not a placeholder');

/** In digits alone: a blank, too, would count as a number, as 0. */
export const wholeNumber = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  z.string().regex(/^\d+$/, 'must be a whole number in digits').transform(Number).pipe(z.number().min(min).max(max));

/** Days that a signing key signs before the next one does. */
export const signingKeyRotationDays = wholeNumber(2, 365).default(30);

/** A login without a password would be let in by a server that trusts whoever comes. */
export const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, { error: 'must be a postgres:// URL', abort: true })
  .refine((text) => loginOf(text) !== undefined, {
    error: 'must be a URL, with what is no letter or digit in its user and password percent-encoded',
    abort: true,
  })
  .refine((text) => loginOf(text)?.password !== '', { error: 'must have a password beside its user', abort: true })
  .refine((text) => {
    const login = loginOf(text);
    return login !== undefined && !isPlaceholder(login.password, login.user);
  }, `the password ${PLACEHOLDER}`);

/** As pg reads it: in front of the host, or among the parameters. Undefined where it can read nothing. */
function loginOf(text: string): { user: string; password: string } | undefined {
  try {
    const url = new URL(text);
    const [user = '', password = ''] = [url.username, url.password, url.pathname].map((part) =>
      decodeURIComponent(part),
    );
    const { searchParams } = url;
    return { user: searchParams.get('user') ?? user, password: searchParams.get('password') ?? password };
  } catch {
    return undefined;
  }
}

export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .transform((url) => url.replace(/\/+$/, ''));
/** `host:port[,host:port…]` as an array. */
export const brokerList = z
  .string()
  .regex(/^[^,\s]+:\d+(,[^,\s]+:\d+)*$/, 'must be host:port, or several separated by commas')
  .transform((list) => list.split(','));

/** What every service reads. */
export const serviceVariables = (port: number) => ({
  /** One address: on each of those of "localhost" Fastify listens with a server of its own, in front of which no bound of ours stands. */
  HOST: z
    .string()
    .transform((host) => (host.toLowerCase() === 'localhost' ? '127.0.0.1' : host))
    .default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(port),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  /** Peers whose X-Forwarded-For is believed: the gateway in the usual set-up, a load balancer for the gateway. */
  TRUSTED_PROXIES: proxyList.prefault(''),
});

/** What a service with a Kafka client reads. */
export const kafkaVariables = {
  KAFKA_BROKERS: brokerList,
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: z
    .string()
    .refine((password) => !isPlaceholder(password), PLACEHOLDER)
    .optional(),
};

/** Where calls wait on disk while Kafka is away, and how many bytes may wait. */
const spoolVariables = {
  SPOOL_DIR: z.string().min(1),
  SPOOL_MAX_BYTES: wholeNumber(1).default(256 * 1024 * 1024),
};

/** The address of a service's database: `TOKEN_DATABASE_URL` for `token`. */
const databaseVariable = <Name extends string>(service: Name) =>
  ({ [`${service.toUpperCase()}_DATABASE_URL`]: postgresUrl }) as Record<
    `${Uppercase<Name>}_DATABASE_URL`,
    typeof postgresUrl
  >;

/** How many connections its pool has; what each service needs besides stands in docs/integrating.md. */
const poolVariables = (size: number) => ({
  DATABASE_POOL_SIZE: wholeNumber(2, 500).default(size),
});

/** What a service reads that has a database and a view from Kafka, and records its calls. */
export const storingServiceVariables = <Name extends string>(service: Name, port: number, poolSize = 10) => ({
  ...serviceVariables(port),
  ...kafkaVariables,
  ...spoolVariables,
  ...poolVariables(poolSize),
  ...databaseVariable(service),
});

/** For a service that takes no tokens of API users and is to name in the log whose it has refused: all of it, or none. */
export const refusedTokenVariables = {
  TOKEN_JWKS_URL: httpUrl.optional(),
  TOKEN_ISSUER: z.string().min(1).optional(),
  TOKEN_AUDIENCE: z.string().min(1).default('rebelcore-api'),
};

/** The tokens that {@link refusedTokenVariables} describe. @throws {ConfigError} for a part of it */
export function refusedTokens(config: z.infer<z.ZodObject<typeof refusedTokenVariables>>) {
  const { TOKEN_JWKS_URL: jwksUri, TOKEN_ISSUER: issuer, TOKEN_AUDIENCE: audience } = config;
  if (jwksUri === undefined && issuer === undefined) return undefined;
  if (jwksUri === undefined) throw new ConfigError(['TOKEN_JWKS_URL: is required beside TOKEN_ISSUER']);
  if (issuer === undefined) throw new ConfigError(['TOKEN_ISSUER: is required beside TOKEN_JWKS_URL']);
  return { jwksUri, issuer, audience };
}

/** Of {@link serviceVariables}. */
export type ServiceConfig = z.infer<z.ZodObject<ReturnType<typeof serviceVariables>>>;
/** Of {@link storingServiceVariables}, apart from the database's address. */
export type StoringServiceConfig = ServiceConfig &
  z.infer<z.ZodObject<typeof kafkaVariables & typeof spoolVariables & ReturnType<typeof poolVariables>>>;

/** The configuration of a service for its guards and controllers, which know its type: `@Inject(CONFIG) config: TokenConfig`. */
export const CONFIG = Symbol('CONFIG');

/**
 * The database of a service, for a command that needs nothing else: `TOKEN_DATABASE_URL` with the rights of the service
 * `token`, `TOKEN_MIGRATIONS_DATABASE_URL` with those of the owner.
 *
 * @throws {ConfigError}
 */
export function databaseUrl(service: string, role: 'service' | 'owner', env?: Environment): string {
  const variable = `${service.toUpperCase()}_${role === 'owner' ? 'MIGRATIONS_' : ''}DATABASE_URL`;
  return parseConfig(z.object({ [variable]: postgresUrl }), env)[variable] ?? '';
}

/** Brokers and SASL of the variables above, in the shape that messaging's `createKafka` takes. */
export function kafkaConnection(config: z.infer<z.ZodObject<typeof kafkaVariables>>): {
  brokers: string[];
  sasl?: { username: string; password: string };
} {
  const { KAFKA_BROKERS: brokers, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = config;
  if (username === undefined && password === undefined) return { brokers };
  if (username === undefined || password === undefined) {
    throw new ConfigError(['KAFKA_USERNAME and KAFKA_PASSWORD: both or neither must be set']);
  }
  if (isPlaceholder(password, username)) throw new ConfigError([`KAFKA_PASSWORD: ${PLACEHOLDER}`]);
  return { brokers, sasl: { username, password } };
}
