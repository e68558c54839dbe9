import { Authenticator } from '@rebelcore/embedded/authenticator';
import { bold, dim, runCommand, say } from '@rebelcore/embedded/command';
import { withClient } from '@rebelcore/embedded/databases';
import { readEndpoints, type Endpoints } from '@rebelcore/embedded/endpoints';

/** Prints what the demo owner's authenticator app would show, unless it is no longer the one that counts. */
async function showCode(): Promise<number> {
  const endpoints = readEndpoints();
  const changes = await changesOfSecondFactor(endpoints);
  if (changes.includes('PortalUserSecondFactorReset')) throw new Error(noCode(endpoints, changes));
  const { code, seconds } = new Authenticator(endpoints.owner.totp_secret).shown();
  say(`${bold(code)}  ${dim(`for another ${seconds} s; each code signs in once`)}`);
  return 0;
}

/** The types of the events that gave the owner a second factor or took it away, in their order. */
async function changesOfSecondFactor({ owner, postgres }: Endpoints): Promise<readonly string[]> {
  const types: string[] = [];
  await withClient(postgres.identity, async (client) => {
    const { rows } = await client.query<{ type: string }>(
      `select e.type from event e join portal_user_private p on p.portal_user_id = e.stream_id
        where p.email = $1 and e.type in ('PortalUserSecondFactorEnrolled', 'PortalUserSecondFactorReset')
        order by e.version`,
      [owner.email],
    );
    types.push(...rows.map(({ type }) => type));
  });
  return types;
}

/** Only the operator's reset makes way for another app, whose key this folder does not have. */
const noCode = ({ portal }: Endpoints, changes: readonly string[]): string =>
  changes.at(-1) === 'PortalUserSecondFactorReset'
    ? `The second factor of the demo owner was reset, so no code is asked for. Sign in at ${portal}/sign-in with the password, and set up an authenticator app of your own.`
    : 'The demo owner has set up another authenticator app since the second factor was reset. Use that app, or begin with an empty .data.';

await runCommand({ run: showCode });
