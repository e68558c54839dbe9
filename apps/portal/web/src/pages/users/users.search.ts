import * as z from 'zod/mini';
import { on, optional } from '../../app/search.js';

/** The state of the page that its address holds; what makes no sense there is as if it were absent. */
export const usersSearch = z.object({
  type: optional(z.enum(['portal', 'api'])),
  status: optional(z.enum(['active', 'inactive'])),
  q: optional(z.string()),
  /** API users that are silent in this way, instead of the other filters. */
  flag: optional(z.enum(['unused', 'never_used', 'stopped_calling', 'refused_from_new_place'])),
  user: optional(z.string()),
  rotate: optional(on),
});

export type UsersSearch = z.infer<typeof usersSearch>;
