import { randomBytes } from 'node:crypto';

type Environment = Readonly<Record<string, string | undefined>>;

const key = () => randomBytes(32).toString('base64url');
const database = (name: string) => `postgres://${name}:${key()}@127.0.0.1:5432/${name}`;
const storing = { KAFKA_BROKERS: '127.0.0.1:9092', SPOOL_DIR: '/spool' };

/** How each service reads its environment, with one that is right, and which of its variables are secrets. */
const SERVICES = [
  {
    file: 'identity/src/identity.config.ts',
    parser: 'identityConfig',
    environment: {
      ...storing,
      IDENTITY_DATABASE_URL: database('identity'),
      CREDENTIAL_PEPPERS: `v1:${key()}`,
      OPERATOR_TOKEN: key(),
      KEY_ENCRYPTION_KEY: key(),
    },
    secrets: ['IDENTITY_DATABASE_URL', 'CREDENTIAL_PEPPERS', 'OPERATOR_TOKEN', 'KEY_ENCRYPTION_KEY'],
  },
  {
    file: 'token/src/token.config.ts',
    parser: 'tokenConfig',
    environment: {
      ...storing,
      TOKEN_DATABASE_URL: database('token'),
      CREDENTIAL_PEPPERS: `v1:${key()}`,
      KEY_ENCRYPTION_KEY: key(),
      TOKEN_ISSUER: 'https://issuer.test',
    },
    secrets: ['TOKEN_DATABASE_URL', 'CREDENTIAL_PEPPERS', 'KEY_ENCRYPTION_KEY'],
  },
  {
    file: 'audit/src/audit.config.ts',
    parser: 'auditConfig',
    environment: {
      ...storing,
      AUDIT_DATABASE_URL: database('audit'),
      IDENTITY_JWKS_URL: 'http://127.0.0.1/jwks',
      CURSOR_KEY: key(),
    },
    secrets: ['AUDIT_DATABASE_URL', 'CURSOR_KEY'],
  },
  {
    file: 'inference/src/inference.config.ts',
    parser: 'inferenceConfig',
    environment: {
      ...storing,
      INFERENCE_DATABASE_URL: database('inference'),
      TOKEN_JWKS_URL: 'http://127.0.0.1/jwks',
      TOKEN_ISSUER: 'https://issuer.test',
    },
    secrets: ['INFERENCE_DATABASE_URL'],
  },
] as const;

const rows = SERVICES.flatMap(({ file, parser, environment, secrets }) =>
  secrets.map((secret) => [secret, file, parser, environment as Environment] as const),
);

/** What people write where a secret should be. */
const PLACEHOLDERS = [
  '',
  'changeme',
  'A'.repeat(43),
  'changeme'.repeat(5),
  `v1:${'A'.repeat(43)}`,
  '0123456789abcdefghijklmnopqrstuvwxyz',
  'k3v9q0z7x2m5w8r1'.repeat(2),
  'postgres://token:changeme@db/token',
  'postgres://token:token@db/token',
];

describe('S13: a service refuses to start', () => {
  it.each(SERVICES)('with a placeholder as its Kafka password ($file)', async ({ file, parser, environment }) => {
    const module = (await import(`../../apps/${file}`)) as Record<string, (environment: Environment) => unknown>;
    const parse = (password: string) => () => module[parser]?.({ ...environment, KAFKA_PASSWORD: password });
    expect(parse(key())).not.toThrow();
    for (const placeholder of ['changeme', 'Example1', 'aaaa']) expect(parse(placeholder)).toThrow('KAFKA_PASSWORD');
  });

  it.each(rows)('without %s of its own (%s)', async (secret, file, parser, environment) => {
    const module = (await import(`../../apps/${file}`)) as Record<string, (environment: Environment) => unknown>;
    const parse = (changes: Environment) => () => module[parser]?.({ ...environment, ...changes });
    expect(parse({})).not.toThrow();
    for (const value of [undefined, ...PLACEHOLDERS]) expect(parse({ [secret]: value })).toThrow(secret);
  });
});
