import { milliseconds } from '../http.mjs';
import { seconds } from '../waiting.mjs';

/** The longest a request may take at a process that is not frozen itself. */
const CALL_MS = 4_000;
const COMMAND_MS = 12_000;

export default {
  id: 'F06',
  title: 'SIGSTOP on each replica and on a broker',
  async run(scenario) {
    const { system, short, random } = scenario;
    const { identity, token, audit } = Object.fromEntries(
      ['identity', 'token', 'audit'].map((name) => [name, system.services(name)]),
    );
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 20 });
    const { nodes } = system.running.kafka;
    const node = random.pick(nodes);
    const victims = short
      ? [random.chance(0.7) ? [random.pick(identity), random.pick(token), random.pick(audit)] : [node]]
      : [[identity[0]], [identity[1]], [token[0]], [audit[0]], [node], [token[1], audit[1]]];
    for (const frozen of victims) await freeze(scenario, frozen);
    await load.stop();
  },
};

async function freeze({ system, ledger, short, expect, note }, victims) {
  const [fromCommand, fromCall] = [ledger.commands.length, ledger.calls.length];
  for (const victim of victims) victim.kill('SIGSTOP');
  const began = process.hrtime.bigint();
  // A client waits ten seconds for a frozen replica before it asks the other one, and the others take over when the
  // session of a frozen member has run out; from a broker only when those of its own members have run out as well.
  await seconds(short && !victims.some(({ process }) => process.name.startsWith('kafka')) ? 20 : 30);
  const frozenUntil = process.hrtime.bigint();
  for (const victim of victims) victim.kill('SIGCONT');
  await seconds(short ? 2 : 5);

  const names = victims.map(({ process }) => process.name).join(', ');
  // A client that gave up after its own patience was at a frozen process; whoever got an answer got it in time.
  const calls = ledger.calls.slice(fromCall).filter(({ status, end }) => status !== undefined && end < frozenUntil);
  const commands = ledger.commands
    .slice(fromCommand)
    .filter(({ answer, start }) => answer?.status !== undefined && answer.end < frozenUntil && start > began);
  const slowest = (list) => Math.max(0, ...list.map(milliseconds));
  const [call, command] = [slowest(calls), slowest(commands.map(({ answer }) => answer))];
  note(
    `${names} frozen: ${calls.length} calls in at most ${call.toFixed(0)} ms, ${commands.length} commands in ${command.toFixed(0)} ms`,
  );
  expect(call < system.patience(CALL_MS), `with ${names} frozen a call took ${call.toFixed(0)} ms`);
  expect(command < system.patience(COMMAND_MS), `with ${names} frozen a command took ${command.toFixed(0)} ms`);
  const confirmed = commands.filter(({ answer }) => [200, 201].includes(answer.status));
  expect(confirmed.length > 0, `with ${names} frozen the others confirmed no command`);
}
