/** Every type that an entry can have; the values of the filter `event_type`. */
export const EVENT_TYPES = [
  'customer.provision',
  'user.add',
  'user.invite',
  'user.register',
  'user.change',
  'user.role_change',
  'user.deactivate',
  'user.reactivate',
  'user.delete',
  'session.sign_in',
  'session.sign_in_failed',
  'session.code_required',
  'second_factor.enrol',
  'second_factor.reset',
  'second_factor.renew_codes',
  'role.add',
  'role.change',
  'role.delete',
  'role.reassign_and_delete',
  'api_user.create',
  'api_user.deactivate',
  'api_user.reactivate',
  'api_user.role_change',
  'api_user.key_add',
  'api_user.key_remove',
  'api_user.networks_change',
  'api_user.authorization_applied',
  'hand_over.create',
  'hand_over.open',
  'hand_over.withdraw',
  'hand_over.open_failed',
  'api.authorize',
  'api.call',
  'activity.export',
  'record.discard',
  'log.gap',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const OUTCOMES = ['success', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One line of the activity log. It depends on the event alone, so that the same event always gives the same entry. */
export interface ActivityEntry {
  readonly id: string;
  readonly customerId: string;
  /** The user that the entry is about: the API user that was deactivated, not the person who did it. */
  readonly userId: string | null;
  /** The portal user who did it; null for an application, the operator, nobody in particular. */
  readonly actorId: string | null;
  readonly eventType: EventType;
  /** RFC 3339 UTC, milliseconds. */
  readonly occurredAt: string;
  readonly outcome: Outcome;
  readonly description: string;
  /** Identifiers, status, route, times. Never a body, a secret, an e-mail address or a name of a person. */
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
  readonly correlationId: string;
}

/** What is particular to one kind of event. */
export type Story = Pick<ActivityEntry, 'userId' | 'eventType' | 'description' | 'metadata'> & {
  readonly outcome?: Outcome;
};
