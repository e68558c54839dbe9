import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { cutPage } from '@rebelcore/service/cursor';
import { foldedSql } from '@rebelcore/service/text';
import { Pool } from 'pg';
import type { Caller } from '../access/caller.js';

export interface UserFilter {
  readonly type?: 'portal' | 'api' | undefined;
  readonly status?: 'active' | 'inactive' | undefined;
  /** A part of the username, label, e-mail address or name. */
  readonly q?: string | undefined;
}

export interface UserRow {
  readonly id: string;
  readonly type: 'portal' | 'api';
  readonly owner: boolean;
  readonly status: 'active' | 'inactive';
  readonly username: string | null;
  readonly label: string | null;
  readonly role_id: string | null;
  readonly role_name: string | null;
  readonly replaces: string | null;
  readonly leaked: boolean;
  /** Those that were minted to take over from it, oldest first. */
  readonly replaced_by: readonly string[];
  readonly created_at: Date;
  readonly email: string | null;
  readonly first_name: string | null;
  readonly last_name: string | null;
  /** Of somebody who has no password yet: what setting it leads to. */
  readonly becomes: 'active' | 'inactive' | null;
  readonly invite_expires_at: Date | null;
  readonly invite_expired: boolean | null;
  readonly invite_delivery: 'waiting' | 'sent' | 'failed';
  /** Whether an authenticator app is enrolled. */
  readonly second_factor: boolean;
  /** Since when the token service decides by the status; null until that is confirmed. */
  readonly state_since: Date | null;
}

export interface UserPage {
  readonly rows: readonly UserRow[];
  /** The id after which the next page begins. */
  readonly next: string | undefined;
  readonly asOf: Date;
}

/** The users of customer $1. */
const SELECT = `
  select u.id, u.type, u.owner, u.status, u.username, u.label, u.role_id, u.role_name, u.replaces, u.leaked, u.created_at,
         array(select r.id from user_v1 r where r.customer_id = u.customer_id and r.replaces = u.id order by r.id)
           as replaced_by,
         p.email, p.first_name, p.last_name, u.becomes, i.expires_at as invite_expires_at,
         i.expires_at <= now() as invite_expired,
         case when m.portal_user_id is null then 'sent' when m.given_up_at is null then 'waiting' else 'failed' end
           as invite_delivery,
         f.portal_user_id is not null as second_factor, e.state_since
  from user_v1 u
  left join portal_user_private p on p.customer_id = u.customer_id and p.portal_user_id = u.id
  left join portal_user_invite i on i.customer_id = u.customer_id and i.portal_user_id = u.id
  left join invite_mail m on m.customer_id = u.customer_id and m.portal_user_id = u.id
  left join second_factor f on f.customer_id = u.customer_id and f.portal_user_id = u.id
  left join enforcement_v1 e on e.api_user_id = u.id and e.sequence >= u.status_sequence
  where u.customer_id = $1`;

/** The users of the caller's customer, newest first. */
export class ListUsers extends Query<UserPage> {
  constructor(
    readonly filter: UserFilter,
    /** Only users older than this one. */
    readonly after: string | undefined,
    readonly limit: number,
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ListUsers)
export class ListUsersHandler implements IQueryHandler<ListUsers> {
  constructor(private readonly pool: Pool) {}

  async execute({ filter, after, limit, caller }: ListUsers): Promise<UserPage> {
    return withinCustomer(this.pool, caller.customerId, async (tx) => {
      const { rows } = await tx.query<UserRow>(
        `${SELECT}
           and ($2::text is null or u.type = $2)
           and ($3::text is null or u.status = $3)
           and ($4::uuid is null or u.id < $4)
           and ($5::text is null or strpos(
                 ${foldedSql(`concat_ws(' ', u.username, u.label, p.email, p.first_name, p.last_name)`)},
                 ${foldedSql('$5')}) > 0)
         order by u.id desc
         limit $6`,
        [caller.customerId, filter.type, filter.status, after, filter.q, limit + 1],
      );
      const now = await tx.query<{ now: Date }>('select transaction_timestamp() as now');
      const page = cutPage(rows, limit);
      return { rows: page.rows, next: page.last?.id, asOf: now.rows[0]?.now ?? new Date() };
    });
  }
}

/** One user of the caller's customer. */
export class FindUser extends Query<UserRow> {
  constructor(
    readonly id: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(FindUser)
export class FindUserHandler implements IQueryHandler<FindUser> {
  constructor(private readonly pool: Pool) {}

  /** @throws {Refused} `user.unknown` */
  async execute({ id, caller }: FindUser): Promise<UserRow> {
    return withinCustomer(this.pool, caller.customerId, async (tx) => {
      const { rows } = await tx.query<UserRow>({
        name: 'user.find',
        text: `${SELECT} and u.id = $2`,
        values: [caller.customerId, id],
      });
      const [user] = rows;
      if (user === undefined) throw new Refused('user.unknown', 'There is no such user.');
      return user;
    });
  }
}
