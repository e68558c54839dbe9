import { DEFAULT_PARTITIONS } from '@rebelcore/contracts/topics';
import { kafkaConnection, kafkaVariables, parseConfig, wholeNumber } from '@rebelcore/service/config';
import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is empty counts as unset. */
export const withoutEmpty = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

/** This process' environment, for children and for infrastructure of one's own. */
export const environment = withoutEmpty(process.env);

/** Where the portal is reached when that is not its address on this machine. @throws {ConfigError} */
export const publicOrigin = (env = environment): string | undefined =>
  parseConfig(
    z.object({
      PUBLIC_URL: z
        .url({ protocol: /^https?$/ })
        .transform((url) => new URL(url).origin)
        .optional(),
    }),
    env,
  ).PUBLIC_URL;

/** The administrator's connection to a Kafka of one's own, and how its topics are laid out. @throws {ConfigError} */
export function launcherKafka(env = environment) {
  const config = parseConfig(
    z.object({
      ...kafkaVariables,
      KAFKA_REPLICATION_FACTOR: wholeNumber(1).default(1),
      KAFKA_PARTITIONS: wholeNumber(1).default(DEFAULT_PARTITIONS),
    }),
    env,
  );
  return {
    connection: kafkaConnection(config),
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    partitions: config.KAFKA_PARTITIONS,
  };
}
