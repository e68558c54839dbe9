import { z } from 'zod';
import { EventCatalogue } from './cloud-event.js';

/** The customer of a call that could not be attributed, for example one with an unknown username. */
export const UNATTRIBUTED = '00000000-0000-0000-0000-000000000000';

/** Readers park a record that says more. */
export const MAX_REFUSED_TOGETHER = 1_000;

/** In small letters, whichever it was written in: two spellings are one id to the databases. */
export const uuid = z.uuid().toLowerCase();

/** One call of an API, as its activity entry shows it. No body, no prompt, no token, no password. */
export const call = z
  .object({
    /** Unique among the calls of one service; the same for every duplicate of this record. */
    id: uuid,
    /** When the call arrived, RFC 3339 UTC; of several, the first. */
    at: z.iso.datetime(),
    /** So many were refused alike and recorded together; absent for one. The members are those of the first. */
    count: z.int().min(2).max(MAX_REFUSED_TOGETHER).optional(),
    /** When the last of them arrived. */
    lastAt: z.iso.datetime().optional(),
    /** The service that answered: `token`, `inference`. Readers take the one that the topic belongs to. */
    service: z.string().min(1),
    /** Method and route pattern, never the raw path: `POST /api/v1/authorize`. */
    route: z.string().min(1),
    status: z.int().min(100).max(599),
    outcome: z.enum(['success', 'refused', 'failed']),
    /** A dotted code for what went wrong, seen by auditors and not by the caller: `api-user.inactive`. */
    reason: z.string().optional(),
    durationMs: z.number().nonnegative(),
    /** `unknown` when the caller had gone before its request was read. */
    ip: z.string(),
    userAgent: z.string(),
    /** Ours, of this call alone. */
    correlationId: z.string().min(1),
    /** What the caller calls it, as it came in `X-Correlation-Id`. */
    callerCorrelationId: z.string().min(1).max(128).optional(),
    apiUserId: uuid.optional(),
    portalUserId: uuid.optional(),
    /** `jti` of the token that was issued, or that the call was made with. */
    tokenId: z.string().optional(),
    /** `exp` of the token that was issued, Unix seconds. */
    tokenExpiresAt: z.int().optional(),
  })
  .refine(
    ({ at, count, lastAt }) => lastAt === undefined || (count !== undefined && Date.parse(at) <= Date.parse(lastAt)),
    {
      path: ['lastAt'],
      error: 'is of several calls, and not before the first',
    },
  );
export type Call = z.infer<typeof call>;

/**
 * What lies on the topics of calls, `api.calls.<service>.v1`. One record carries the calls of one customer that were waiting at the same moment, in
 * the order of their answers (ADR 4): under load a record per call would cost more than the rest of `/authorize`.
 */
export const callEvents = new EventCatalogue('calls', {
  ApiCallRecorded: z.object({ customerId: uuid, calls: z.array(call).min(1) }),
});
