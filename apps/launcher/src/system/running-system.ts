import { databaseUrl, type DatabaseRole } from '@rebelcore/embedded/databases';
import { readEndpoints } from '@rebelcore/embedded/endpoints';
import { apiLogin, kafkaLogin, type KafkaLogin } from '@rebelcore/embedded/kafka';
import { Secrets } from '@rebelcore/embedded/secrets';
import type { StoringService } from '../service-program.js';
import { kafkaEnvironment } from './service-environment.js';

/** How to reach what the system in `.data` keeps, for commands that work beside it. */
export interface RunningSystem {
  databaseUrl(service: StoringService, role: DatabaseRole): string;
  /** The variables of a service's connection to Kafka. */
  kafka(service: StoringService | 'admin'): Record<string, string>;
  /** The administrator's connection to Kafka. */
  readonly kafkaAdmin: { readonly brokers: readonly string[]; readonly login: KafkaLogin };
  /** The login of an API that is no part of the product; its password is made up when it is first asked for. */
  readonly apiLogin: (name: string) => KafkaLogin;
}

/**
 * @param instead the variables that describe another system
 * @throws {Error} saying what to do when nothing runs here
 */
export function findRunningSystem(instead: string): RunningSystem {
  const { kafka, postgres } = readEndpoints(undefined, instead);
  const secrets = new Secrets('.data');
  return {
    databaseUrl: (service, role) => databaseUrl(postgres.identity, service, role, secrets),
    kafka: (service) => kafkaEnvironment(kafka.brokers, kafkaLogin(service, secrets)),
    kafkaAdmin: { brokers: kafka.brokers, login: kafkaLogin('admin', secrets) },
    apiLogin: (name) => apiLogin(name, secrets),
  };
}
