import { switchTo } from './customers.mjs';
import { repeat } from './load.mjs';

/** Deactivates and reactivates any API user from any writer, while readers authorize on every replica; all in the history. */
export function registers(
  { system, ledger, history, random, customers, apiUsers },
  { writers = 8, readers = 16 } = {},
) {
  const identity = system.services('identity').map(({ url }) => url);
  const token = system.services('token').map(({ url }) => url);
  const writing = repeat(writers, async (writer) => {
    const apiUser = apiUsers[random.int(apiUsers.length)];
    const customer = customers.find(({ id }) => id === apiUser.customerId);
    const kind = random.chance(0.5) ? 'deactivate' : 'reactivate';
    const url = identity[random.int(identity.length)];
    const entry = await switchTo(kind, ledger, customer, apiUser, [url], { effect: 'at most one' });
    history.write(`writer-${writer}`, entry);
    if (entry.outcome !== 'acknowledged') await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const reading = repeat(readers, async (reader) => {
    const apiUser = apiUsers[random.int(apiUsers.length)];
    const url = token[random.int(token.length)];
    const entry = await ledger.call({ apiUser, customerId: apiUser.customerId, url });
    history.read(`reader-${reader}`, entry);
    if (entry.status === undefined || entry.status >= 500) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  return { stop: () => Promise.all([writing.stop(), reading.stop()]) };
}
