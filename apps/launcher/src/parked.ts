import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { Misused, runCommand } from '@rebelcore/embedded/command';
import { environment } from './launcher.config.js';
import { isStoring, runProgram, STORING_SERVICES, variableOf, type StoringService } from './service-program.js';
import { findRunningSystem } from './system/running-system.js';

const usage = `usage: npm run parked -- replay ${STORING_SERVICES.join('|')} [--by-record-time]
       npm run parked -- discard [SERVICE] TOPIC/PARTITION@OFFSET... --reason "WHY" [--by NAME]
replay   tries the records again that this service could not apply, in order, and lists what is left;
         --by-record-time, of audit alone: calls whose clock was wrong get the time at which Kafka took their record
discard  lets records go for good, of audit where no service is named: calls, and what nobody waits for because it can never
         be read or bears the number of another event; of audit's the activity log says which, by whom and why
The database is that of the system running here, or the one in <SERVICE>_DATABASE_URL.`;

function run(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      reason: { type: 'string' },
      by: { type: 'string', default: userInfo().username },
      'by-record-time': { type: 'boolean', default: false },
    },
  });
  const [verb, ...rest] = positionals;
  const [service = ''] = rest;
  const byRecordTime = values['by-record-time'];
  if (byRecordTime && (verb !== 'replay' || service !== 'audit')) throw new Misused();
  if (verb === 'replay' && rest.length === 1 && isStoring(service)) {
    return runProgram(service, 'replay-parked', databaseOf(service), byRecordTime ? ['--by-record-time'] : []);
  }
  const { reason = '', by } = values;
  const [of, places] = isStoring(service) ? [service, rest.slice(1)] : ['audit' as const, rest];
  if (verb !== 'discard' || places.length === 0 || reason.trim() === '') throw new Misused();
  return runProgram(of, 'discard-parked', databaseOf(of), [by, reason, ...places]);
}

function databaseOf(service: StoringService): Record<string, string> {
  const variable = variableOf(service, 'DATABASE_URL');
  return { [variable]: environment[variable] ?? findRunningSystem(variable).databaseUrl(service, 'runtime') };
}

await runCommand({ usage, run });
