import { Misused, runCommand } from '@rebelcore/embedded/command';
import { environment } from './launcher.config.js';
import { isStoring, runProgram, STORING_SERVICES, variableOf } from './service-program.js';
import { findRunningSystem } from './system/running-system.js';

const usage = `usage: npm run parked -- replay ${STORING_SERVICES.join('|')}
Tries the records again that this service could not apply, in order. The database is that of the system running here,
or the one in <SERVICE>_DATABASE_URL.`;

function replay(): number {
  const [verb, service = ''] = process.argv.slice(2);
  if (verb !== 'replay' || !isStoring(service)) throw new Misused();
  const variable = variableOf(service, 'DATABASE_URL');
  const database = environment[variable] ?? findRunningSystem(variable).databaseUrl(service, 'runtime');
  return runProgram(service, 'replay-parked', { [variable]: database });
}

await runCommand({ usage, run: replay });
