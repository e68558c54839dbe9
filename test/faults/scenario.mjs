import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@rebelcore/testing/seeded-random';
import { Customer } from './customers.mjs';
import { History } from './history.mjs';
import { Ledger } from './ledger.mjs';
import { calls, commands } from './load.mjs';
import { judge, topicEnds } from './oracle.mjs';

const HISTORIES = fileURLToPath(new URL('../../.cache/faults/', import.meta.url));

/** What a scenario works with: customers and API users of its own, a ledger, a history, seeded randomness. */
export class Scenario {
  notes = [];
  wrong = [];
  /** Customers that poison holds up: their views are behind on purpose. */
  stuckCustomers = new Set();
  /** What each API user was switched to last, by its writer. */
  known = new Map();
  #loads = [];

  static async prepare({ system, id, seed, short, apiUsers = 12, customers = 3 }) {
    const scenario = new Scenario();
    Object.assign(scenario, { system, id, short });
    scenario.random = seededRandom(seed);
    scenario.ledger = new Ledger(`${id}.${seed}.${Date.now().toString(36)}`);
    scenario.history = new History(join(HISTORIES, `${id}-${seed}.ndjson`));
    scenario.from = await topicEnds(system);
    scenario.customers = [];
    for (let n = 0; n < customers; n += 1) scenario.customers.push(await Customer.provision(system));
    const minted = await Promise.all(
      scenario.customers.map((customer) => customer.mintAll(system, scenario.ledger, Math.ceil(apiUsers / customers))),
    );
    scenario.apiUsers = minted.flat();
    return scenario;
  }

  /** A requirement of the scenario itself, beside the invariants. */
  expect = (holds, sentence) => {
    if (!holds) this.wrong.push(sentence);
  };

  /** Figures for people. */
  note = (sentence) => {
    this.notes.push(sentence);
  };

  /** Commands and calls under which the fault happens. */
  load({ writers = 4, callers = 4, pauseMs = 5, attempts = 40 } = {}) {
    const common = { ...this, pauseMs };
    const running = [];
    if (writers > 0) running.push(commands({ ...common, writers, attempts }));
    if (callers > 0) running.push(calls({ ...common, callers }));
    return this.owned({ stop: () => Promise.all(running.map((each) => each.stop())) });
  }

  /** Any other load, stopped at the end whatever happens. */
  owned(load) {
    this.#loads.push(load);
    return load;
  }

  async stopLoads() {
    await Promise.allSettled(this.#loads.map((load) => load.stop()));
  }

  async judge() {
    await this.history.close();
    const found = await judge(this);
    found.wrong.push(...this.wrong);
    return found;
  }
}
