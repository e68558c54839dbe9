import { environment } from '../launcher.config.js';
import { findRunningSystem } from './running-system.js';

const OWNER = 'IDENTITY_MIGRATIONS_DATABASE_URL';

/** What a command needs that mends identity's store or its topics: the database as its owner, Kafka as administrator. */
export function mendEnvironment(): Record<string, string> {
  const [database, kafka] = [environment[OWNER], environment.KAFKA_BROKERS];
  if (database !== undefined && kafka !== undefined) return { [OWNER]: database };
  const running = findRunningSystem(`${OWNER} and KAFKA_BROKERS`);
  return {
    [OWNER]: database ?? running.databaseUrl('identity', 'owner'),
    ...(kafka === undefined && running.kafka('admin')),
  };
}
