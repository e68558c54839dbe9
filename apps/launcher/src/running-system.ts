import { Secrets } from '@rebelcore/embedded/secrets';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Endpoints } from './system.js';

/** There is no embedded system in this folder; the message says what to do. */
export class NothingRuns extends Error {}

/** The embedded system that runs in `.data`, for commands that work beside it. */
export class RunningSystem {
  private constructor(
    private readonly endpoints: Endpoints,
    private readonly secrets: Secrets,
  ) {}

  /**
   * @param instead the variables that describe another system
   * @throws {NothingRuns}
   */
  static find(instead: string): RunningSystem {
    const dataDir = resolve('.data');
    const file = resolve(dataDir, 'endpoints.json');
    if (!existsSync(file)) {
      throw new NothingRuns(`${file} is not there: start the system with "npm start", or set ${instead}.`);
    }
    return new RunningSystem(JSON.parse(readFileSync(file, 'utf8')) as Endpoints, new Secrets(dataDir));
  }

  databaseUrl(service: string, role: 'runtime' | 'owner' = 'runtime'): string {
    const url = new URL(this.endpoints.postgres.identity);
    url.username = role === 'runtime' ? service : `${service}_${role}`;
    url.password = this.secrets.text(`postgres.${service}.${role}`);
    url.pathname = `/${service}`;
    return url.href;
  }

  /** The variables of a service's connection to Kafka. */
  kafka(service: string): Record<string, string> {
    return {
      KAFKA_BROKERS: this.endpoints.kafka.brokers.join(','),
      KAFKA_USERNAME: service,
      KAFKA_PASSWORD: this.secrets.text(`kafka.${service}`),
    };
  }
}
