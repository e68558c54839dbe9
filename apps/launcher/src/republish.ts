import { runCommand } from '@rebelcore/embedded/command';
import { runProgram } from './service-program.js';
import { mendEnvironment } from './system/mend-environment.js';

await runCommand({ run: () => runProgram('identity', 'republish', mendEnvironment()) });
