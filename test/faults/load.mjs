import { mint, switchTo } from './customers.mjs';

/** Runs `work` over and over in `count` places until `stop()`; a place that throws ends the scenario. */
export function repeat(count, work) {
  let stopped = false;
  const places = Array.from({ length: count }, async (_, place) => {
    for (let round = 0; !stopped; round += 1) await work(place, round);
  });
  const all = Promise.all(places);
  all.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await all;
    },
  };
}

/**
 * Writers that mint and switch, each API users of its own, to both replicas of identity; what is unknown is repeated, a
 * mint with its Idempotency-Key.
 */
export function commands({
  system,
  ledger,
  random,
  history,
  known,
  customers,
  apiUsers,
  writers,
  attempts = 40,
  pauseMs = 0,
}) {
  const urls = system.services('identity').map(({ url }) => url);
  const own = Array.from({ length: writers }, (_, w) => apiUsers.filter((_user, index) => index % writers === w));
  return repeat(writers, async (writer) => {
    const from = random.int(urls.length);
    const order = [...urls.slice(from), ...urls.slice(0, from)];
    if (random.chance(0.3)) {
      const customer = customers[random.int(customers.length)];
      await mint(ledger, customer, order, { attempts });
    } else {
      const apiUser = own[writer][random.int(own[writer].length)];
      const customer = customers.find(({ id }) => id === apiUser.customerId);
      const kind = known.get(apiUser.id) === 'deactivate' ? 'reactivate' : 'deactivate';
      const entry = await switchTo(kind, ledger, customer, apiUser, order, { attempts });
      history?.write(`writer-${writer}`, entry);
      // Until it is known the same is asked again: at most one event comes of it.
      if (entry.outcome === 'acknowledged') known.set(apiUser.id, kind);
    }
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  });
}

/** Callers of `/authorize` on all replicas of token, one in ten with a wrong password. */
export function calls({ system, ledger, random, history, apiUsers, callers, pauseMs = 0, wrong = 0.1 }) {
  const urls = system.services('token').map(({ url }) => url);
  return repeat(callers, async (caller) => {
    const apiUser = apiUsers[random.int(apiUsers.length)];
    const password = random.chance(wrong) ? 'x'.repeat(48) : apiUser.password;
    const url = urls[random.int(urls.length)];
    const entry = await ledger.call({ apiUser, customerId: apiUser.customerId, url, password });
    if (entry.genuine) history?.read(`caller-${caller}`, entry);
    // A closed port answers at once; that must not become a busy loop.
    const ms = entry.status === undefined || entry.status >= 500 ? 50 : pauseMs;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  });
}
