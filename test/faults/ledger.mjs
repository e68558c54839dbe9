import { send } from './http.mjs';

/**
 * What a client knows: of each command and each call whether it was acknowledged, refused, or whether that is unknown.
 * Each is sent under a name of its own, the same for every attempt, by which the oracle finds it again.
 */
export class Ledger {
  commands = [];
  calls = [];
  #prefix;
  #count = 0;

  /** @param prefix of the names: scenario and seed */
  constructor(prefix) {
    this.#prefix = prefix;
  }

  nextId() {
    this.#count += 1;
    return `${this.#prefix}.${this.#count}`;
  }

  /**
   * Sends a command, again after an unknown result while `attempts` last, each time to the next of `urls`.
   *
   * @param effect how many events an acknowledged one has: `one`, or `at most one` where it may find nothing to do
   * @returns the entry with the last answer
   */
  async command({ customer, kind, urls, path, body, headers, effect = 'one', attempts = 1, pauseMs = 200, timeoutMs }) {
    const entry = { id: this.nextId(), kind, customerId: customer.id, effect, outcome: 'unknown', attempts: 0 };
    this.commands.push(entry);
    while (entry.attempts < attempts && entry.outcome === 'unknown') {
      if (entry.attempts > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const url = urls[entry.attempts % urls.length];
      entry.attempts += 1;
      const authorization = await customer.bearer(url);
      if (authorization === undefined) continue;
      const answer = await send('POST', `${url}${path}`, {
        body,
        timeoutMs,
        headers: { 'x-correlation-id': entry.id, authorization, ...headers },
      });
      entry.start ??= answer.start;
      entry.end = answer.end;
      entry.answer = answer;
      entry.outcome = outcomeOf(answer.status);
    }
    return entry;
  }

  /** One call of `/authorize`. */
  async call({ apiUser, customerId, url, password = apiUser.password, timeoutMs = 8_000 }) {
    const entry = { id: this.nextId(), customerId, apiUserId: apiUser.id, genuine: password === apiUser.password };
    this.calls.push(entry);
    const answer = await send('POST', `${url}/api/v1/authorize`, {
      body: { username: apiUser.username, password },
      timeoutMs,
      headers: { 'x-correlation-id': entry.id },
    });
    const { status, start, end, headers, body, error } = answer;
    Object.assign(entry, { status, start, end, error, code: body?.code, retryAfter: headers?.['retry-after'] });
    entry.token = body?.token;
    entry.hasToken = typeof body?.token === 'string';
    // An answer that says it was not recorded need not be.
    entry.recorded = status !== undefined && body?.code !== 'call.not-recorded';
    return entry;
  }

  get counts() {
    const of = (outcome) => this.commands.filter((entry) => entry.outcome === outcome).length;
    return {
      acknowledged: of('acknowledged') + this.calls.filter(({ recorded }) => recorded).length,
      unknown: of('unknown') + this.calls.filter(({ recorded }) => !recorded).length,
      refused: of('refused'),
    };
  }
}

function outcomeOf(status) {
  if (status === undefined || status >= 500) return 'unknown';
  return status < 300 ? 'acknowledged' : 'refused';
}
