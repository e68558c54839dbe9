import type { ClientKey } from '@rebelcore/contracts/client-key';
import { within } from '@rebelcore/messaging/deadline';
import { nextTurn } from '@rebelcore/messaging/pace';
import type { Verifier } from '@rebelcore/credentials/verifier';
import type { QueryConfig } from 'pg';

/** What the view knows of a username; complete once state and verifier have both arrived. */
export interface Authorization {
  readonly apiUserId: string;
  readonly customerId: string;
  readonly username: string;
  readonly status: 'active' | 'inactive' | undefined;
  readonly role: string | undefined;
  /** The flags of the role that are on, parted by blanks. */
  readonly scope: string | undefined;
  readonly verifier: Verifier | undefined;
  /** The public keys by which it may prove who it is, oldest first. */
  readonly keys: readonly ClientKey[];
  /** From where alone its credentials are accepted, parted by blanks; undefined for anywhere. */
  readonly authorizeNetworks: string | undefined;
  /** From where alone its tokens are accepted. */
  readonly tokenNetworks: string | undefined;
}

interface Row {
  readonly username: string;
  readonly api_user_id: string;
  readonly customer_id: string;
  readonly status: 'active' | 'inactive' | null;
  readonly role: string | null;
  readonly scope: string | null;
  readonly verifier: string | null;
  readonly pepper_version: string | null;
  readonly keys: readonly ClientKey[] | null;
  readonly authorize_networks: string | null;
  readonly token_networks: string | null;
}

interface PendingLookup {
  readonly username: string;
  readonly resolve: (authorization: Authorization | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A pg pool, as far as it is needed here. */
export interface AuthorizationReader {
  query(query: QueryConfig): Promise<{ readonly rows: readonly Row[] }>;
}

const MAX_USERNAMES = 256;
const TIMEOUT_MS = 2_000;
/** Between the beginnings of two queries. Under load more questions then share each; one that comes alone never waits. */
const PACE_MS = 2;

/** Who may authorize cannot be looked up at the moment. */
export class LookupFailed extends Error {
  constructor(options?: ErrorOptions) {
    super('the authorization view cannot be read', options);
    this.name = 'LookupFailed';
  }
}

/**
 * Looks usernames up in the view, all that are asked for at the same moment with one query. A question joins only a query
 * that has not begun: what was committed before it was asked is always in its answer.
 */
export class AuthorizationLookup {
  private readonly pending: PendingLookup[] = [];
  private running = false;
  private lastQueryAt = -Infinity;

  constructor(private readonly view: AuthorizationReader) {}

  /** @throws {LookupFailed} after 4 s at the latest: a query that runs already, then the one with this question */
  find(username: string): Promise<Authorization | undefined> {
    return new Promise((resolve, reject) => {
      // Postgres has no NUL in text and would refuse the whole query, other people's questions with it.
      this.pending.push({ username: username.includes('\0') ? '' : username, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.pending.length > 0) {
      await nextTurn(this.lastQueryAt + PACE_MS);
      this.lastQueryAt = performance.now();
      const batch = this.pending.splice(0, MAX_USERNAMES);
      try {
        const found = await this.query(batch.map(({ username }) => username));
        for (const { username, resolve } of batch) resolve(found.get(username));
      } catch (error) {
        const failed = new LookupFailed({ cause: error });
        for (const { reject } of batch) reject(failed);
      }
    }
    this.running = false;
  }

  private async query(usernames: string[]): Promise<Map<string, Authorization>> {
    const query: QueryConfig & { query_timeout: number } = {
      query_timeout: TIMEOUT_MS,
      name: 'authorization.lookup',
      text: `select username, api_user_id, customer_id, status, role, scope, verifier, pepper_version, keys,
                    authorize_networks, token_networks
             from authorization_v1 where username = any($1::text[])`,
      values: [usernames],
    };
    // Waiting for a connection counts as well.
    const answer = this.view.query(query);
    const { rows } = await within(TIMEOUT_MS, answer, () => new Error(`no answer in ${TIMEOUT_MS} ms`));
    return new Map(rows.map((row) => [row.username, authorizationOf(row)]));
  }
}

function authorizationOf(row: Row): Authorization {
  const { verifier, pepper_version: pepperVersion } = row;
  return {
    apiUserId: row.api_user_id,
    customerId: row.customer_id,
    username: row.username,
    status: row.status ?? undefined,
    role: row.role ?? undefined,
    scope: row.scope ?? undefined,
    keys: row.keys ?? [],
    authorizeNetworks: row.authorize_networks ?? undefined,
    tokenNetworks: row.token_networks ?? undefined,
    verifier: verifier !== null && pepperVersion !== null ? { verifier, pepperVersion } : undefined,
  };
}
