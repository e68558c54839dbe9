export interface FieldError {
  readonly field: string;
  readonly rule: string;
}

/** What of a problem document a page shows. */
interface ProblemFacts {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly correlationId?: string | undefined;
  /** Seconds, from Retry-After. */
  readonly retryAfter?: number | undefined;
  /** The whole document, for members of its own such as `users` of `role.in-use`. */
  readonly document?: Readonly<Record<string, unknown>>;
}

/**
 * A refused or failed request. Without an answer `status` is 0 and `code` one of `network.unreachable`,
 * `network.timeout`; an answer that cannot be read is `answer.unreadable`.
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly correlationId: string | undefined;
  readonly retryAfter: number | undefined;
  readonly document: Readonly<Record<string, unknown>>;

  constructor(facts: ProblemFacts) {
    super(`${facts.code} (${String(facts.status)})`);
    this.name = 'Problem';
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.errors = facts.errors ?? [];
    this.correlationId = facts.correlationId;
    this.retryAfter = facts.retryAfter;
    this.document = facts.document ?? {};
  }

  /** The first broken rule of each field, for the field to show. */
  get fields(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.errors.toReversed().map(({ field, rule }) => [field, rule]));
  }

  /** Was there no answer at all, so that nobody knows whether a write was made? */
  get isUnanswered(): boolean {
    return this.status === 0 || this.code === 'answer.unreadable';
  }
}

/** Whatever was thrown as a problem; an error of our own code is one too, and is shown as such. */
export const asProblem = (thrown: unknown): Problem =>
  thrown instanceof Problem
    ? thrown
    : new Problem({
        status: 0,
        code: 'page.failed',
        detail: thrown instanceof Error ? thrown.message : String(thrown),
      });

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const isFieldError = (value: unknown): value is FieldError =>
  typeof value === 'object' && value !== null && 'field' in value && 'rule' in value;

/** Reads the body of an answer that is not a success. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new Problem({
    status: response.status,
    code: text(document['code']) ?? 'answer.refused',
    detail: text(document['detail']) ?? `The server answered ${String(response.status)}.`,
    errors: Array.isArray(document['errors']) ? document['errors'].filter(isFieldError) : [],
    correlationId: response.headers.get('x-correlation-id') ?? undefined,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
    document,
  });
}
