import { Authenticator } from '@rebelcore/embedded/authenticator';
import { bold, dim, runCommand, say } from '@rebelcore/embedded/command';
import { readEndpoints } from '@rebelcore/embedded/endpoints';

/** Prints what the demo owner's authenticator app would show. */
function showCode(): number {
  const { code, seconds } = new Authenticator(readEndpoints().owner.totp_secret).shown();
  say(`${bold(code)}  ${dim(`for another ${seconds} s; each code signs in once`)}`);
  return 0;
}

await runCommand({ run: showCode });
