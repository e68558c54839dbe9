import { z } from 'zod';
import { EventCatalogue } from './cloud-event.js';

/** What the token service says on `token.events.v1`. */
export const tokenEvents = new EventCatalogue('token', {
  /** The authorization view now reflects identity's event with this sequence: no `/authorize` decides by an older one. */
  ApiUserAuthorizationApplied: z.object({
    apiUserId: z.uuid(),
    customerId: z.uuid(),
    /** `ce_sequence` of the identity event that was applied. */
    sequence: z.int().positive(),
    state: z.enum(['active', 'inactive']),
    appliedAt: z.iso.datetime(),
  }),
});
