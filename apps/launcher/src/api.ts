import { callsTopic } from '@rebelcore/contracts/topics';
import { Misused, runCommand, say } from '@rebelcore/embedded/command';
import { makeKafkaUser } from '@rebelcore/embedded/kafka-user';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { registerApi, registeredApis } from '@rebelcore/messaging/topics-admin';
import { environment, launcherKafka } from './launcher.config.js';
import { findRunningSystem } from './system/running-system.js';
import { kafkaEnvironment } from './system/service-environment.js';

const usage = `usage: npm run api -- register NAME
       npm run api -- list
register  lets an API of this name record its calls: its topic, the rules by which it alone may write there, its login
list      the services whose calls the activity log reads
Kafka is that of the system running here, or the one that KAFKA_BROKERS and the administrator's KAFKA_USERNAME and
KAFKA_PASSWORD describe; there the login NAME is made by whoever runs that Kafka.`;

async function api(): Promise<number> {
  const [verb, name, ...more] = process.argv.slice(2);
  if (verb === 'list' && name === undefined) return list();
  if (verb === 'register' && name !== undefined && more.length === 0) return register(name);
  throw new Misused();
}

async function list(): Promise<number> {
  for (const service of await registeredApis(administrator().kafka))
    say(`${service.padEnd(24)} ${callsTopic(service)}`);
  return 0;
}

async function register(name: string): Promise<number> {
  const { kafka, brokers, replicationFactor, login } = administrator();
  await registerApi(kafka, name, replicationFactor);
  const settings = kafkaEnvironment(brokers, login?.(name) ?? { username: name, password: `<of the login ${name}>` });
  say(`${name} may record its calls on ${callsTopic(name)}; the activity log shows them under this name.\n`);
  for (const [variable, value] of Object.entries(settings)) say(`  ${variable}=${value}`);
  say(`\n  new CallRecorder({ service: '${name}', … }) takes them; docs/integrating.md shows the rest.`);
  return 0;
}

/** The administrator's client, and how a login is made there. */
function administrator() {
  if (environment.KAFKA_BROKERS !== undefined) {
    const { connection, replicationFactor } = launcherKafka();
    return { kafka: createKafka({ ...connection, clientId: 'api' }), brokers: connection.brokers, replicationFactor };
  }
  const { kafkaAdmin, apiLogin } = findRunningSystem('KAFKA_BROKERS');
  const { brokers, login: sasl } = kafkaAdmin;
  const login = (name: string) => {
    const made = apiLogin(name);
    makeKafkaUser(brokers, sasl, made);
    return made;
  };
  return { kafka: createKafka({ brokers, clientId: 'api', sasl }), brokers, replicationFactor: brokers.length, login };
}

await runCommand({ usage, run: api });
