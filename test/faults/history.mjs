import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The history of the registers that API users are: an operation is a write (`deactivate`, `reactivate`) or a read
 * (`authorize`). One JSON line each: {client, op, api_user_id, start_ns, end_ns, result}, nanoseconds of one clock as
 * text. `result`: writes `confirmed`, `accepted` (committed, in force at some later moment), `refused`, `unknown`;
 * reads `active`, `inactive`, `none` (no answer, or a 503, which says nothing about the API user).
 */
export class History {
  operations = [];
  #file;

  constructor(path) {
    mkdirSync(dirname(path), { recursive: true });
    this.path = path;
    this.#file = createWriteStream(path);
  }

  add(client, op, apiUserId, start, end, result) {
    const operation = { client, op, api_user_id: apiUserId, start, end, result };
    this.operations.push(operation);
    const { start: _start, end: _end, ...rest } = operation;
    this.#file.write(`${JSON.stringify({ ...rest, start_ns: String(start), end_ns: String(end) })}\n`);
  }

  write(client, entry) {
    if (entry.start === undefined) return;
    const { kind, apiUserId, start, end, outcome, confirmed } = entry;
    // The last of several attempts may have found the work of an earlier one; each may still be on its way.
    const result = outcome === 'acknowledged' ? (confirmed ? 'confirmed' : 'accepted') : outcome;
    this.add(client, kind, apiUserId, start, end, result);
  }

  read(client, { apiUserId, start, end, status }) {
    this.add(
      client,
      'authorize',
      apiUserId,
      start,
      end,
      { 200: 'active', 401: 'inactive', 429: 'inactive' }[status] ?? 'none',
    );
  }

  close() {
    return new Promise((resolve) => this.#file.end(resolve));
  }
}
