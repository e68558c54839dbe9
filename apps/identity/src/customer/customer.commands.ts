import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import type { Claim } from '@rebelcore/event-store/append-statement';
import { ClaimTaken, EventStore, toStream } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { firstPassword } from '../passwords.js';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { inviteClaim, Invitations } from '../portal-user/invitations.js';
import { FreshLinks } from '../portal-user/invite-again.commands.js';
import { invite, portalUser, register, type PersonalData } from '../portal-user/portal-user.js';
import { customer, provision } from './customer.js';
import { ProvisioningRequests } from './provisioning-requests.js';

export interface ProvisionedCustomer {
  readonly customer: { readonly id: string; readonly name: string; readonly createdAt: Date };
  readonly owner: {
    readonly id: string;
    readonly email: string;
    /** Only when it was made here: shown once, stored nowhere. */
    readonly password?: string;
  };
  readonly position: number;
  /** The same request as before, which made nothing new. */
  readonly replayed: boolean;
}

export interface Owner extends PersonalData {
  /** Made here when there is neither a password nor an invitation. */
  readonly password: string | undefined;
  /** Mails a link to set a password with. */
  readonly invite: boolean;
}

/** A customer and its Super Admin, both or neither. */
export class ProvisionCustomer extends Command<ProvisionedCustomer> {
  constructor(
    readonly name: string,
    readonly owner: Owner,
    readonly idempotencyKey: string | undefined,
    /** For limits, see `networkOf`. */
    readonly source: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

const OPERATOR = { kind: 'operator' } as const;

@CommandHandler(ProvisionCustomer)
export class ProvisionCustomerHandler implements ICommandHandler<ProvisionCustomer> {
  constructor(
    private readonly store: EventStore,
    private readonly invitations: Invitations,
    private readonly requests: ProvisioningRequests,
    private readonly passwords: PortalPasswords,
  ) {}

  async execute(command: ProvisionCustomer): Promise<ProvisionedCustomer> {
    const { name, owner, idempotencyKey } = command;
    const names = idempotencyKey === undefined ? [] : this.requests.names(idempotencyKey, [name, owner]);
    const earlier = await this.replay(command, names);
    if (earlier) return earlier;
    try {
      return await this.provision(command, names);
    } catch (error) {
      if (!(error instanceof ClaimTaken)) throw error;
      // The same request came twice at the same moment, and this one was second.
      const first = await this.replay(command, names);
      if (first) return first;
      throw new Refused('portal-user.email-taken', 'owner.email: is in use already');
    }
  }

  private async provision(
    { name, owner, source, context }: ProvisionCustomer,
    names: readonly Omit<Claim, 'streamId'>[],
  ): Promise<ProvisionedCustomer> {
    const [customerId, ownerId] = [uuid(), uuid()];
    const provisioned = provision({ customerId, name, ownerId, actor: OPERATOR })(customer.initial);
    const { events, claims, password } = await this.owner(owner, { portalUserId: ownerId, customerId }, source);
    const recorded = await this.store.append(
      [toStream(customer, customerId, 0, provisioned), toStream(portalUser, ownerId, 0, events)],
      // First those of the request: whoever is second learns by them that there was a first.
      { ...context, customerId, claims: [...names.map((each) => ({ ...each, streamId: customerId })), ...claims] },
    );
    const last = recorded.at(-1);
    if (last === undefined) throw new Error('provisioning a new customer recorded nothing');
    return {
      customer: { id: customerId, name, createdAt: last.time },
      owner: { id: ownerId, email: owner.email, ...(password !== undefined && { password }) },
      position: last.sequence,
      replayed: false,
    };
  }

  /** Invited, or registered with a password; the password when it was made here. */
  private async owner(
    { invite: invited, password, ...person }: Owner,
    ids: { readonly portalUserId: string; readonly customerId: string },
    source: string,
  ) {
    const { portalUserId: streamId } = ids;
    const details = { ...ids, owner: true, actor: OPERATOR };
    const email = { ...emailClaim(person.email), streamId };
    if (invited) {
      const invitation = this.invitations.make(streamId);
      const events = invite({ ...details, becomes: 'active' }, person, invitation)(portalUser.initial);
      return { events, claims: [email, { ...inviteClaim(invitation.tokenKey), streamId }], password: undefined };
    }
    const generated = password === undefined ? firstPassword() : undefined;
    const hash = await this.passwords.hash(password ?? generated ?? '', source);
    return { events: register(details, person, hash)(portalUser.initial), claims: [email], password: generated };
  }

  /** The answer to an earlier request with the same key; undefined when there was none. */
  private async replay(
    { owner }: ProvisionCustomer,
    [key, request]: readonly Omit<Claim, 'streamId'>[],
  ): Promise<ProvisionedCustomer | undefined> {
    const first = key && (await this.store.claimedBy(key.scope, key.key));
    if (first === undefined) return undefined;
    const same = request && (await this.store.claimedBy(request.scope, request.key));
    if (same?.streamId !== first.streamId) {
      throw new Refused('idempotency-key.reused', 'Idempotency-Key: was used with another body');
    }
    const { state, history } = await this.store.load(customer, first.streamId, first.customerId);
    const [provisioned] = history;
    if (state.status === 'none' || provisioned === undefined) throw new Error('a customer that was made is not there');
    const made = await this.store.load(portalUser, state.ownerId, first.customerId);
    return {
      customer: { id: first.customerId, name: state.name, createdAt: provisioned.time },
      owner: { id: state.ownerId, email: owner.email },
      position: made.history[0]?.sequence ?? provisioned.sequence,
      replayed: true,
    };
  }
}

/** A fresh link by mail for an owner who has no password. Answers the position. */
export class InviteOwnerAgain extends Command<number> {
  constructor(
    readonly customerId: string,
    /** Of an owner of whom name and address are lost. */
    readonly person: PersonalData | undefined,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(InviteOwnerAgain)
export class InviteOwnerAgainHandler implements ICommandHandler<InviteOwnerAgain> {
  constructor(
    private readonly store: EventStore,
    private readonly links: FreshLinks,
  ) {}

  async execute({ customerId, person, context }: InviteOwnerAgain): Promise<number> {
    const { state } = await this.store.load(customer, customerId, customerId);
    if (state.status === 'none') throw new Refused('customer.unknown', 'There is no such customer.');
    return this.links.mail(state.ownerId, OPERATOR, { role: undefined, person }, { ...context, customerId });
  }
}
