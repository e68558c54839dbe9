import { randomUUIDv7 as uuid } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { EventStore, toStream } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { firstPassword, hashPassword } from '../passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { portalUser, register } from '../portal-user/portal-user.js';
import { customer, provision } from './customer.js';

export interface ProvisionedCustomer {
  readonly customer: { readonly id: string; readonly name: string; readonly createdAt: Date };
  readonly owner: {
    readonly id: string;
    readonly email: string;
    /** Only when it was made here: shown once, stored nowhere. */
    readonly password?: string;
  };
  readonly position: number;
}

export interface Owner {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly password: string | undefined;
}

/** A customer and its Super Admin, both or neither. */
export class ProvisionCustomer extends Command<ProvisionedCustomer> {
  constructor(
    readonly name: string,
    readonly owner: Owner,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ProvisionCustomer)
export class ProvisionCustomerHandler implements ICommandHandler<ProvisionCustomer> {
  constructor(private readonly store: EventStore) {}

  async execute({ name, owner, context }: ProvisionCustomer): Promise<ProvisionedCustomer> {
    const [customerId, ownerId] = [uuid(), uuid()];
    const actor = { kind: 'operator' as const };
    const generated = owner.password === undefined ? firstPassword() : undefined;
    const { email, firstName, lastName } = owner;
    const passwordHash = await hashPassword(owner.password ?? generated ?? '');

    const provisioned = provision({ customerId, name, ownerId, actor })(customer.initial);
    const registered = register(
      { portalUserId: ownerId, customerId, owner: true, actor },
      { email, firstName, lastName },
      passwordHash,
    )(portalUser.initial);
    const recorded = await this.store.append(
      [toStream(customer, customerId, 0, provisioned), toStream(portalUser, ownerId, 0, registered)],
      { ...context, customerId, claims: [{ ...emailClaim(email), streamId: ownerId }] },
    );
    const last = recorded.at(-1);
    if (last === undefined) throw new Error('provisioning a new customer recorded nothing');
    return {
      customer: { id: customerId, name, createdAt: last.time },
      owner: { id: ownerId, email, ...(generated !== undefined && { password: generated }) },
      position: last.sequence,
    };
  }
}
