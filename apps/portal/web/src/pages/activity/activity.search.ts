import * as z from 'zod/mini';
import { on, optional } from '../../app/search.js';

/** The state of the page that its address holds; what makes no sense there is as if it were absent. */
export const activitySearch = z.object({
  range: optional(z.string()),
  from: optional(z.string()),
  to: optional(z.string()),
  type: optional(z.string()),
  outcome: optional(z.string()),
  user: optional(z.string()),
  q: optional(z.string()),
  tz: optional(z.string()),
  entry: optional(z.string()),
  live: optional(on),
});
