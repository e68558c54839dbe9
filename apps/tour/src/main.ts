import { randomUUID } from 'node:crypto';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import { Client, type Answer } from '@rebelcore/embedded/client';
import { bold, dim, runCommand, say } from '@rebelcore/embedded/command';
import { readEndpoints, type Endpoints } from '@rebelcore/embedded/endpoints';
import { codeOf } from '@rebelcore/embedded/sign-in';
import { DeactivationWatch, type PublishedAt } from './deactivation-watch.js';

interface ApiUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
}

let step = 0;

/** Prints one step of the story with its answer and its time, and stops the tour when the answer is another one. */
async function play(title: string, expected: number, call: Promise<Answer>, show: (body: never) => string) {
  const answer = await call;
  step += 1;
  const time = `${answer.ms.toFixed(1)} ms`.padStart(10);
  say(`${String(step).padStart(2)}. ${bold(title)}`);
  say(`    ${answer.request.padEnd(52)} ${String(answer.status)} ${dim(time)}`);
  if (answer.status !== expected) {
    throw new Error(`expected ${String(expected)}, the answer was ${JSON.stringify(answer.body)}`);
  }
  say(`    ${dim(show(answer.body as never))}\n`);
  return answer;
}

async function tour(endpoints: Pick<Endpoints, 'portal' | 'owner' | 'kafka'>): Promise<void> {
  const owner = new Client(endpoints.portal);
  const application = new Client(endpoints.portal);
  const watch = await DeactivationWatch.start(endpoints.kafka);
  try {
    say(`\n${bold('A tour of API users')}  ${dim(endpoints.portal)}\n`);
    await signIn(owner, endpoints.owner);
    const roles = await play(
      'They look at the roles',
      200,
      owner.get('/api/v1/roles'),
      (body: { items: { name: string }[] }) => body.items.map((role) => role.name).join(', '),
    );
    const role = (roles.body as { items: { id: string; name: string }[] }).items.find(
      (each) => each.name === 'RebelCore_AgentUser',
    );
    const minted = await play(
      'They mint an API user; this is the only time its password is shown',
      201,
      owner.post('/api/v1/api-users', { role_id: role?.id, label: 'tour' }, { 'idempotency-key': randomUUID() }),
      (body: ApiUser) => `${body.username}, password of ${String(body.password.length)} characters`,
    );
    const apiUser = minted.body as ApiUser;
    const credentials = { username: apiUser.username, password: apiUser.password };

    const authorized = await play(
      'The application trades them for a bearer token',
      200,
      application.post('/api/v1/authorize', credentials),
      (body: { expires_at: number; token_type: string }) =>
        `${body.token_type} token, expires ${new Date(body.expires_at * 1000).toISOString()}`,
    );
    const bearer = { authorization: `Bearer ${(authorized.body as { token: string }).token}` };
    const inference = { prompt: 'What does this API expose?', spec_ids: [] };
    await play(
      'It calls the API',
      200,
      application.post('/api/v1/infer', inference, bearer),
      (body: { correlation_id: string; result: string }) => `${body.result}  (${body.correlation_id})`,
    );
    await play(
      'A wrong password is refused',
      401,
      application.post('/api/v1/authorize', { ...credentials, password: 'x'.repeat(48) }),
      (body: { detail: string }) => body.detail,
    );

    const deactivatedAt = Date.now();
    const deactivation = await play(
      'The Super Admin deactivates the API user; 200 means it is in force everywhere',
      200,
      owner.post(`/api/v1/users/${apiUser.id}/deactivate`),
      (body: { status: string; enforced_at: string }) => `${body.status}, in force since ${body.enforced_at}`,
    );
    const confirmedAt = Date.now();
    const refused = await play(
      'The very next /authorize is refused',
      401,
      application.post('/api/v1/authorize', credentials),
      (body: { detail: string }) => body.detail,
    );
    const refusedAt = Date.now();
    await play(
      'A token already out lives until it expires',
      200,
      application.post('/api/v1/infer', inference, bearer),
      (body: { correlation_id: string }) => body.correlation_id,
    );

    await showActivity(owner, apiUser.id, deactivation);
    const { enforced_at } = deactivation.body as { enforced_at: string };
    showWay(deactivatedAt, await watch.published(apiUser.id), Date.parse(enforced_at), confirmedAt);
    say(`   deactivation confirmed after ${bold(`${deactivation.ms.toFixed(1)} ms`)}`);
    say(`   from deactivation to the first refusal ${bold(`${String(refusedAt - deactivatedAt)} ms`)}`);
    say(dim(`   (the refused call itself took ${refused.ms.toFixed(1)} ms)\n`));
  } finally {
    await watch.stop();
  }
}

/** With the password and the six digits that the owner's authenticator app shows now. */
async function signIn(owner: Client, { email, password, totp_secret }: Endpoints['owner']): Promise<void> {
  const authenticator = new Authenticator(totp_secret, { usedElsewhere: true });
  const attempt = async () => {
    const totp = await authenticator.nextCode();
    return { totp, answer: await owner.post('/api/v1/sessions', { email, password, totp }) };
  };
  let { totp, answer } = await attempt();
  for (let tried = 1; codeOf(answer) === 'session.not-opened' && tried < 4; tried += 1) {
    say(dim(`    ${totp} has signed in already, and each code does so once; here comes the next one.\n`));
    ({ totp, answer } = await attempt());
  }
  await play(
    `The Customer Super Admin signs in, with the password and the code ${totp}`,
    201,
    Promise.resolve(answer),
    (body: { customer: { name: string }; session: { ends_at: string } }) =>
      `signed in for ${body.customer.name}, until ${body.session.ends_at.slice(11, 16)} UTC at the latest`,
  );
}

const shortIds = (text: string) => text.replace(/([0-9a-f]{8})-[0-9a-f-]{27}/g, '$1…');

/** The entries of this API user, newest first; waits until the calls just made have arrived in the log. */
async function showActivity(owner: Client, apiUserId: string, deactivation: Answer): Promise<void> {
  interface Entry {
    readonly occurred_at: string;
    readonly event_type: string;
    readonly description: string;
  }
  const query = `/api/v1/activity?user_id=${apiUserId}&limit=50&position=${deactivation.position ?? '0'}`;
  const deadline = performance.now() + 10_000;
  let answer = await owner.get(query);
  const calls = (body: unknown) => (body as { items: Entry[] }).items.filter((e) => e.event_type.startsWith('api.'));
  while (answer.status === 200 && calls(answer.body).length < 5 && performance.now() < deadline)
    answer = await owner.get(query);
  await play('The activity log shows all of it', 200, Promise.resolve(answer), (body: { items: Entry[] }) =>
    body.items
      .toReversed()
      .map(
        (entry) => `${entry.occurred_at.slice(11, 23)}  ${entry.event_type.padEnd(32)} ${shortIds(entry.description)}`,
      )
      .join('\n    '),
  );
  if (calls(answer.body).length < 5) throw new Error('the activity log lacks some of the calls just made');
}

/** The way of the deactivation: outbox, topic, view, acknowledgement; every time relative to the click. */
function showWay(clickedAt: number, event: PublishedAt, appliedAt: number, confirmedAt: number): void {
  say(bold('   The way of the deactivation'));
  const line = (name: string, at: number) => {
    say(`   ${name.padEnd(46)} ${new Date(at).toISOString().slice(11, 23)}  +${String(at - clickedAt)} ms`);
  };
  line('the Super Admin asks', clickedAt);
  line('event and outbox are written (event store)', event.recordedAt);
  line(`on the topic (partition ${String(event.partition)}, offset ${event.offset})`, event.publishedAt);
  line('applied to the authorization view', appliedAt);
  line('acknowledged to the Super Admin', confirmedAt);
  say();
}

await runCommand({
  failed: '\nThe tour stopped: ',
  run: async () => {
    await tour(readEndpoints(process.argv[2]));
    return 0;
  },
});
