import { z } from 'zod';

/** An error as RFC 9457 describes it. `/authorize` and `/infer` keep to the `detail` member alone where published so. */
export const problem = z
  .object({
    type: z.string().optional(),
    title: z.string().optional(),
    status: z.int().optional(),
    detail: z.string(),
    /** Stable dotted code: `api-user.unknown-role`. */
    code: z.string().optional(),
    /** One entry for each field at fault, at most ten. */
    errors: z.array(z.object({ field: z.string(), rule: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;
export type FieldProblem = NonNullable<Problem['errors']>[number];

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** The reason phrases of RFC 9110: with `about:blank` as its type a problem has the title of its status. */
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/**
 * The body of every error that is not published otherwise.
 *
 * @param code stable dotted code: `api-user.unknown-role`
 * @param detail one sentence for a person, without secrets
 * @param errors one entry for each field at fault
 */
export function problemDocument(
  status: number,
  code: string,
  detail: string,
  errors?: readonly FieldProblem[],
): Problem {
  const document: Problem = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, code };
  if (errors !== undefined) document.errors = [...errors];
  return document;
}
