import { z } from 'zod';

/** A network as CIDR has it, in its one usual spelling: `10.0.0.0/8`, `2001:db8::/32`; one address is a `/32` or a `/128`. */
export const network = z
  .string()
  .regex(/^[0-9a-f.:]+\/\d{1,3}$/)
  .refine((text) => z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success);

/** An API user has at most so many in each list. Those of a token travel with it, in a header of every call. */
export const MAX_NETWORKS = { authorize: 50, token: 20 } as const;
