import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What is kept of a portal user beside the events. Only found within its customer. */
@Entity('portal_user_private')
export class Person {
  @PrimaryColumn('uuid', { name: 'customer_id' })
  customerId!: string;

  @PrimaryColumn('uuid', { name: 'portal_user_id' })
  portalUserId!: string;

  @Column('text')
  email!: string;

  @Column('text', { name: 'first_name' })
  firstName!: string;

  @Column('text', { name: 'last_name' })
  lastName!: string;

  /** argon2id in PHC format, null until the invitation is accepted. Loaded only where it is selected by name. */
  @Column('text', { name: 'password_hash', select: false, nullable: true })
  passwordHash?: string | null;
}
