import { Misused, runCommand } from '@rebelcore/embedded/command';
import { environment } from './launcher.config.js';
import { runProgram, variableOf } from './service-program.js';
import { findRunningSystem } from './system/running-system.js';

/** The services whose views they are. */
const VIEWS = { token: 'token', audit: 'audit', enforcement: 'identity', inference: 'inference' } as const;
const usage = `usage: npm run rebuild -- ${Object.keys(VIEWS).join('|')}
Builds a view anew while the old one serves, compares both and puts the new one in its place: who may authorize (token), since when a
state is in force (enforcement) and what API users may do (inference) from the topics, the usage of API users (audit) from the activity log, which is the record
itself. The system is the one running here, or the one that <SERVICE>_MIGRATIONS_DATABASE_URL and KAFKA_BROKERS describe.`;

type View = keyof typeof VIEWS;
const isView = (name: string): name is View => Object.hasOwn(VIEWS, name);

function rebuild(): number {
  const view = process.argv[2];
  if (view === undefined || !isView(view)) throw new Misused();
  const service = VIEWS[view];
  return runProgram(service, 'rebuild', settings(service));
}

/** A database and a Kafka of one's own where they are named, those of the running system otherwise. */
function settings(service: (typeof VIEWS)[View]): Record<string, string> {
  const owner = variableOf(service, 'MIGRATIONS_DATABASE_URL');
  const database = environment[owner] ?? environment[variableOf(service, 'DATABASE_URL')];
  const kafka = environment.KAFKA_BROKERS;
  if (database !== undefined && kafka !== undefined) return { [owner]: database };
  const running = findRunningSystem(`${owner} and KAFKA_BROKERS`);
  return {
    [owner]: database ?? running.databaseUrl(service, 'owner'),
    ...(kafka === undefined && running.kafka(service)),
  };
}

await runCommand({ usage, run: rebuild });
