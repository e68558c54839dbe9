import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { Permission } from '@rebelcore/contracts/roles';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import { DataSource } from 'typeorm';
import type { Caller } from '../access/caller.js';
import { customer } from '../customer/customer.js';
import { Person } from '../portal-user/person.entity.js';
import { SessionStore, type ListedSession, type Session, type SessionName } from './session.store.js';
import { SessionTokens } from './session-tokens.js';

/** `expiresAt` in Unix seconds. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** A session token for whoever holds the cookie; undefined when the session is over. */
export class ExchangeSession extends Query<IssuedToken | 'enrolment-required' | undefined> {
  constructor(
    readonly session: SessionName,
    /** Whether its person does something. */
    readonly renews: boolean,
  ) {
    super();
  }
}

@QueryHandler(ExchangeSession)
export class ExchangeSessionHandler implements IQueryHandler<ExchangeSession> {
  constructor(
    private readonly sessions: SessionStore,
    private readonly tokens: SessionTokens,
  ) {}

  async execute({ session, renews }: ExchangeSession): Promise<IssuedToken | 'enrolment-required' | undefined> {
    const alive = await this.sessions.alive(session, { renews });
    if (alive?.secondFactor === 'enrolment_required') return 'enrolment-required';
    return alive && this.tokens.issue(alive);
  }
}

/** The caller's own sessions, newest first. */
export class ListSessions extends Query<readonly ListedSession[]> {
  constructor(readonly caller: Caller) {
    super();
  }
}

@QueryHandler(ListSessions)
export class ListSessionsHandler implements IQueryHandler<ListSessions> {
  constructor(private readonly sessions: SessionStore) {}

  execute({ caller }: ListSessions): Promise<readonly ListedSession[]> {
    return this.sessions.listOf(caller);
  }
}

export interface Me {
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly firstName: string;
    readonly lastName: string;
    readonly owner: boolean;
  };
  readonly customer: { readonly id: string; readonly name: string };
  readonly permissions: readonly Permission[];
  readonly session: Session;
}

/** Who am I, and what may I do? */
export class WhoAmI extends Query<Me> {
  constructor(readonly session: Session) {
    super();
  }
}

@QueryHandler(WhoAmI)
export class WhoAmIHandler implements IQueryHandler<WhoAmI> {
  constructor(
    private readonly store: EventStore,
    private readonly dataSource: DataSource,
  ) {}

  async execute({ session }: WhoAmI): Promise<Me> {
    const { customerId, portalUserId, owner, permissions } = session;
    const [{ state }, person] = await Promise.all([
      this.store.load(customer, customerId, customerId),
      entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
        entities.findOneBy(Person, { customerId, portalUserId }),
      ),
    ]);
    const { email = '', firstName = '', lastName = '' } = person ?? {};
    return {
      user: { id: portalUserId, email, firstName, lastName, owner },
      customer: { id: customerId, name: state.status === 'none' ? '' : state.name },
      permissions,
      session,
    };
  }
}
