import {
  type ArgumentMetadata,
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
  type PipeTransform,
} from '@nestjs/common';
import { PROBLEM_MEDIA_TYPE, problemDocument, type FieldProblem, type Problem } from '@rebelcore/contracts/problem';
import { messageOf } from '@rebelcore/messaging/logger';
import { ConnectionLost } from '@rebelcore/messaging/transaction';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { isStorable } from './text.js';

/** An error the caller can act on, answered as `application/problem+json` (RFC 9457). */
export class ProblemException extends HttpException {
  readonly retryAfter: number | undefined;

  /**
   * @param code stable dotted code: `api-user.unknown-role`
   * @param detail one sentence for a person, without secrets
   * @param more `errors`: one entry for each field at fault; `retryAfter`: seconds, sent as Retry-After; `members`: of the
   *   document besides; `cause`: what the log is told of a failure of ours, and the caller is not
   */
  constructor(
    status: number,
    readonly code: string,
    detail: string,
    more: {
      readonly errors?: readonly FieldProblem[];
      readonly retryAfter?: number;
      readonly members?: Readonly<Record<string, number | string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super({ ...problemDocument(status, code, detail, more.errors), ...more.members }, status, { cause: more.cause });
    this.retryAfter = more.retryAfter;
  }
}

/** Validates every parameter that has a zod schema; a refusal names each field and the rule it breaks. */
export const schemaPipe: PipeTransform = {
  async transform(given: unknown, { schema, type, data = 'body' }: ArgumentMetadata): Promise<unknown> {
    if (schema === undefined) return given;
    const value = type === 'query' ? withoutEmpty(given) : given;
    refuseUnstorable(value, data);
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) return result.value;
    throw unlike(result.issues as readonly z.core.$ZodIssue[], data);
  },
};

/**
 * The body of a request to a plain Fastify route, by the same rules.
 *
 * @throws {ProblemException} 400, naming each field and the rule it breaks
 */
export function readValid<T>(schema: z.ZodType<T>, body: unknown): T {
  refuseUnstorable(body, 'body');
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw unlike(result.error.issues, 'body');
}

function refuseUnstorable(value: unknown, name: string): void {
  const unstorable = unstorableFields(value, name);
  if (unstorable.length > 0) throw invalid(unstorable);
}

const unlike = (issues: readonly z.core.$ZodIssue[], name: string): ProblemException =>
  invalid(issues.flatMap((issue) => explain(issue, name)));

/** A refusal is read by whoever wrote the request: it must not become many times as long. */
const MOST_NAMED = 10;
const LONGEST_FIELD = 200;

function invalid(found: readonly FieldProblem[]): ProblemException {
  const errors = found.slice(0, MOST_NAMED).map(({ field, rule }) => ({ field: shortened(field), rule }));
  const detail = errors.map(({ field, rule }) => `${field}: ${rule}`).join('; ');
  return new ProblemException(400, 'request.invalid', detail, { errors });
}

/** A form sends all its fields: `status=` asks for nothing. */
function withoutEmpty(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return query;
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}

const shortened = (field: string): string =>
  field.length > LONGEST_FIELD ? `${field.slice(0, LONGEST_FIELD - 1)}…` : field;

/** A value in a request; those in which it stands are read only when it is named. */
interface Member {
  readonly value: unknown;
  readonly key?: string;
  readonly within?: Member;
}

/** The first texts in a request that no store takes, wherever they stand. Without recursion, since a caller chooses the depth. */
function unstorableFields(value: unknown, name: string): FieldProblem[] {
  const found: FieldProblem[] = [];
  const left: Member[] = [{ value }];
  for (let member = left.pop(); member !== undefined && found.length < MOST_NAMED; member = left.pop()) {
    const { value } = member;
    if (typeof value === 'string' && !isStorable(value)) {
      found.push({ field: pathOf(member) || name, rule: 'must not contain NUL or half a surrogate pair' });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value).reverse()) left.push({ value: inner, key, within: member });
    }
  }
  return found;
}

function pathOf(member: Member): string {
  const keys: string[] = [];
  for (let at: Member | undefined = member; at?.key !== undefined; at = at.within) keys.push(at.key);
  return keys.reverse().join('.');
}

/** A zod issue as field and rule, in words a caller understands. */
function explain(issue: z.core.$ZodIssue, name: string): FieldProblem[] {
  const field = issue.path.map(String).join('.') || name;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        field: [...issue.path.map(String), key].join('.'),
        rule: 'is not a known field',
      }));
    case 'invalid_type':
      return [{ field, rule: issue.input === undefined ? missingOr(issue) : `must be ${article(issue.expected)}` }];
    default:
      return [{ field, rule: issue.message }];
  }
}

// Zod leaves `input` out of issues by default, so a missing member shows only in the message.
const missingOr = (issue: z.core.$ZodIssueInvalidType): string =>
  issue.message.endsWith('received undefined') ? 'is required' : `must be ${article(issue.expected)}`;

const article = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);

// Among them: cancelled (57014), a lock that was not had in time (55P03), a transaction that was idle or open for too long (25P03,
// 25P04), a login that is refused (28), a database that is not there (3D000), and transactions that were ended for others even when
// tried again (40).
const POSTGRES_UNAVAILABLE =
  /^(08|57P0|57014|53|55P03|25006|25P0[34]|28|3D000|40001|40P01)|^(E(ADDRNOTAVAIL|AI_AGAIN|CONNREFUSED|CONNRESET|HOSTUNREACH|MFILE|NETUNREACH|PIPE|TIMEDOUT)|ENOTFOUND)$/;
const POSTGRES_UNAVAILABLE_MESSAGE =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error/;

/** Postgres ends the session with what it calls fatal, such as 55000 for a database that takes no connections. */
const isDatabaseAway = (error: unknown): boolean => {
  if (error instanceof ConnectionLost) return true;
  const { code = '', severity } = Object(error) as { readonly code?: string; readonly severity?: string };
  return severity === 'FATAL' || POSTGRES_UNAVAILABLE.test(code) || POSTGRES_UNAVAILABLE_MESSAGE.test(messageOf(error));
};

/** {@link sendProblem} for what Nest's controllers throw. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    sendProblem(error, reply.request, reply);
  }
}

/** Answers whatever was thrown with a problem; why we failed is logged, and no caller is told. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const answer = describeProblem(error, request);
  const { status, body, retryAfter } = answer;
  if (status >= 500 && answer.cause !== undefined) logCause(answer, request.id);
  if (reply.sent) return;
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  if (status === 401 && !reply.hasHeader('www-authenticate')) void reply.header('www-authenticate', 'Bearer');
  // Whatever would have been kept if it had been there.
  void reply.header('cache-control', 'no-store');
  void reply.status(status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(body));
}

const logger = new Logger('Problem');

/** What is asked of a request, of HTTP/1 or HTTP/2. */
interface Refused {
  readonly id: string;
  readonly raw: Pick<IncomingMessage, 'destroyed' | 'complete'>;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly retryAfter?: number | undefined;
  /** Null where nothing was thrown. */
  readonly cause?: unknown;
}

/** The one place where it is said why an answer is a 5xx, in the entry that has its correlation id. */
function logCause({ status, body, cause: err }: Answer, correlationId: string): void {
  const { code } = body as Partial<Problem>;
  if (status === 500) logger.error({ correlationId, err, msg: 'a request failed unexpectedly' });
  else logger.warn({ correlationId, status, code, err, msg: 'a request could not be served' });
}

/** What whatever was thrown is answered with. */
function describeProblem(error: unknown, request: Refused): Answer {
  if (error instanceof ProblemException) {
    const { retryAfter, cause } = error;
    return { status: error.getStatus(), body: error.getResponse() as object, retryAfter, cause };
  }
  if (error instanceof HttpException) {
    const status = error.getStatus();
    const response = error.getResponse();
    // A body made on purpose with a `detail` is part of the published contract and goes out as it is.
    const body = typeof response === 'object' && 'detail' in response ? response : undefined;
    const { cause } = error;
    return { status, body: body ?? problemDocument(status, codeOf(status), detailOf(error.message, status)), cause };
  }
  const { message, statusCode = 500 } = Object(error) as Error & Partial<FastifyError>;
  const cause = error ?? null;
  if (hasGone(request)) {
    return {
      status: 400,
      body: problemDocument(400, 'request.incomplete', 'The request ended before it was complete.'),
    };
  }
  if (statusCode < 500) {
    return { status: statusCode, body: problemDocument(statusCode, codeOf(statusCode), detailOf(message, statusCode)) };
  }
  if (isDatabaseAway(error)) {
    const detail = 'The service cannot reach its database at the moment; please try again.';
    return { status: 503, body: problemDocument(503, 'service.unavailable', detail), retryAfter: 2, cause };
  }
  const detail = `Something went wrong on our side; quote ${request.id} when you report it.`;
  return { status: 500, body: problemDocument(500, 'service.failed', detail), cause };
}

/** The caller ended half-way: an error of its connection looks like one of the database's. */
const hasGone = ({ raw }: Refused): boolean => raw.destroyed && !raw.complete;

// What Fastify refused before any handler ran comes with Fastify's own words, which Nest puts into a plain HttpException.
function detailOf(message: string, status: number): string {
  if (status === 404 && message.startsWith('Cannot ')) return 'There is nothing at this address.';
  if (status === 413) return 'body: is larger than this address accepts';
  if (status === 415) return 'content-type: must be application/json';
  if (status === 400 && message.startsWith('Body cannot be empty')) return 'body: is required';
  if (status === 400 && message.startsWith('Body is not valid JSON')) return 'body: is not valid JSON';
  return message;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'request.invalid',
  401: 'session.required',
  403: 'request.forbidden',
  404: 'resource.not-found',
  413: 'request.too-large',
  415: 'request.media-type',
  429: 'request.too-many',
};
const codeOf = (status: number): string => CODES[status] ?? 'request.refused';
