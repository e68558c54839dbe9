import { z } from 'zod';

const login = z.object({ username: z.string(), password: z.string() });

const schema = z.object({
  /** A superuser's URL; each spec file makes a database of its own beside it. */
  TEST_POSTGRES_URL: z.url(),
  TEST_KAFKA: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(
      z.object({
        brokersOfWorkers: z.array(z.array(z.string()).min(1)).min(1),
        admin: login,
        principals: z.record(z.string(), login),
      }),
    ),
  /** Set by Jest: 1 and up. */
  JEST_WORKER_ID: z.coerce.number().int().min(1),
});

/**
 * Where the infrastructure of the integration tests runs, as the global set-up of Jest wrote it into the environment.
 *
 * @throws naming what is missing, for example when a spec runs outside its project
 */
export function testInfrastructure() {
  const parsed = schema.safeParse(process.env);
  if (parsed.success) {
    const { TEST_POSTGRES_URL: postgresUrl, TEST_KAFKA: kafka, JEST_WORKER_ID: worker } = parsed.data;
    const brokers = kafka.brokersOfWorkers[(worker - 1) % kafka.brokersOfWorkers.length] ?? [];
    return { postgresUrl, kafka: { ...kafka, brokers } };
  }
  throw new Error(`no test infrastructure: ${z.prettifyError(parsed.error)}`);
}

/** The folder in which to note what was seen answered; undefined where nobody asks. */
export const contractNotes = (): string | undefined => process.env.CONTRACT_SEEN;

/** The seed of a random test: `SEED` of the environment to play one again, otherwise a new one. */
export function testSeed(): number {
  return z.coerce
    .number()
    .int()
    .default(Date.now() % 2 ** 31)
    .parse(process.env.SEED);
}
