import * as z from 'zod/mini';

const optional = <Schema extends z.core.$ZodType>(schema: Schema) => z.catch(z.optional(schema), undefined);

/** The state of the page that its address holds; what makes no sense there is as if it were absent. */
export const usersSearch = z.object({
  type: optional(z.enum(['portal', 'api'])),
  status: optional(z.enum(['active', 'inactive'])),
  q: optional(z.string()),
  user: optional(z.string()),
  rotate: optional(z.literal(1)),
});
