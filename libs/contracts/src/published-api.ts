import { z } from 'zod';

/** `POST /api/v1/authorize`: the contract of existing applications, which may send members that nobody asks for. */
export const authorizeRequest = z
  .object({ username: z.string(), password: z.string() })
  .meta({ id: 'AuthorizeRequest' });
export const authorizeResponse = z
  .strictObject({
    token: z.string().meta({ description: 'Opaque to the caller; send it as `Authorization: Bearer <token>`.' }),
    expires_at: z.int().meta({ description: 'Unix seconds UTC, always 24 hours after the call.' }),
    token_type: z.literal('Bearer'),
  })
  .meta({ id: 'AuthorizeResponse' });

/** `POST /api/v1/infer`: the sample downstream API. */
export const inferRequest = z
  .object({
    prompt: z.string().min(1),
    spec_ids: z.array(z.string().min(1)),
    session_id: z.string().optional(),
  })
  .meta({ id: 'InferRequest' });
export const inferResponse = z
  .strictObject({ correlation_id: z.string(), result: z.string(), exposure: z.string(), spec_count: z.int() })
  .meta({ id: 'InferResponse' });
