import { Misused, runCommand } from '@rebelcore/embedded/command';
import { environment } from './launcher.config.js';
import { runProgram, variableOf } from './service-program.js';
import { findRunningSystem } from './system/running-system.js';

const SIGNING_SERVICES = ['token', 'identity'] as const;
const usage = `usage: npm run keys -- ${SIGNING_SERVICES.join('|')} [list | rotate | withdraw KID]
The keys that this service signs with: token those of API users' tokens, identity those of portal sessions.

  list       which keys there are, and until when each counts
  rotate     publish the next key now; it signs in an hour, when everybody has fetched it
  withdraw   for a key that leaked: its tokens are refused everywhere within ten minutes, those of honest API users
             too, which authorize again; a new key signs at once

The database is that of the system running here, or the one in <SERVICE>_MIGRATIONS_DATABASE_URL.`;

function keys(): number {
  const [service, verb = 'list', ...rest] = process.argv.slice(2);
  const signing = SIGNING_SERVICES.find((each) => each === service);
  const wanted = verb === 'withdraw' ? 1 : 0;
  if (signing === undefined || !['list', 'rotate', 'withdraw'].includes(verb) || rest.length !== wanted)
    throw new Misused();
  const owner = variableOf(signing, 'MIGRATIONS_DATABASE_URL');
  const database =
    environment[owner] ??
    environment[variableOf(signing, 'DATABASE_URL')] ??
    findRunningSystem(owner).databaseUrl(signing, 'owner');
  return runProgram(signing, 'signing-keys', { [owner]: database }, [verb, ...rest]);
}

await runCommand({ usage, run: keys });
