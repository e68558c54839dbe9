import type { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { networkOf } from '@rebelcore/api-access/networks';
import { MAX_USER_AGENT, UNRECORDED } from '@rebelcore/api-access/record-calls.plugin';
import { MAX_REFUSED_TOGETHER, UNATTRIBUTED, type Call } from '@rebelcore/contracts/call-events';
import { errorAnswer } from '@rebelcore/contracts/oauth-error';
import { problemDocument, type Problem } from '@rebelcore/contracts/problem';
import { randomUUIDv7 } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import { clientAddress } from './client-address.js';
import { CORRELATION_HEADER, newCorrelationId } from './correlation.js';

export interface RefusalOptions {
  /** Short name of the service: `token`. */
  readonly service: string;
  readonly recorder: Pick<CallRecorder, 'record'>;
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: BlockList;
}

const REASON = 'service.overloaded';
const OVERLOADED = problemDocument(
  503,
  REASON,
  'There are more requests than can be answered at the moment; please try again.',
);

/** Requests alike that are refused by one record, with one correlation id. */
interface Crowd {
  readonly call: Call;
  readonly responses: ServerResponse[];
  /** When the last of them came. */
  lastAt: Date;
}

/**
 * Refuses requests for which there is no time, unread. Those that come from one network before the next records are written are
 * one record that says how many there were, and are answered once it is durable: each costs no more than being counted.
 *
 * @returns to be called with each of them, and the address that it asks for
 */
export function refusalTogether({ service, recorder, trustedProxies }: RefusalOptions) {
  const gathering = new Map<string, Crowd>();

  return (request: IncomingMessage, response: ServerResponse, address: string): void => {
    const ip = clientAddress(request, trustedProxies);
    const route = `${request.method ?? ''} ${address}`;
    const key = JSON.stringify([route, networkOf(ip)]);
    const crowd = gathering.get(key);
    if (crowd === undefined || crowd.responses.length === MAX_REFUSED_TOGETHER) {
      const userAgent = (request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT);
      gather(key, response, address, { route, ip, userAgent });
    } else {
      crowd.responses.push(response);
      crowd.lastAt = new Date();
    }
  };

  function gather(
    key: string,
    first: ServerResponse,
    address: string,
    asked: Pick<Call, 'route' | 'ip' | 'userAgent'>,
  ): void {
    const [began, at] = [performance.now(), new Date()];
    const call: Call = {
      id: randomUUIDv7(),
      at: at.toISOString(),
      service,
      ...asked,
      status: 503,
      outcome: 'failed',
      durationMs: 0,
      correlationId: newCorrelationId(),
      reason: REASON,
    };
    const crowd: Crowd = { call, responses: [first], lastAt: at };
    gathering.set(key, crowd);
    const close = () => {
      if (gathering.get(key) === crowd) gathering.delete(key);
    };
    const record = (): Call => {
      close();
      const durationMs = Math.round((performance.now() - began) * 1000) / 1000;
      const count = crowd.responses.length;
      return { ...call, durationMs, ...(count > 1 && { count, lastAt: crowd.lastAt.toISOString() }) };
    };
    recorder.record(UNATTRIBUTED, record).then(
      () => {
        answer(crowd, address, OVERLOADED, '1');
      },
      () => {
        close();
        answer(crowd, address, UNRECORDED, '2');
      },
    );
  }
}

function answer({ call, responses }: Crowd, address: string, problem: Problem, retryAfter: string): void {
  const { type, body } = errorAnswer(address, problem);
  const headers = {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'retry-after': retryAfter,
    [CORRELATION_HEADER]: call.correlationId,
  };
  for (const response of responses) {
    // Nobody reads what is still to come of a body.
    response.writeHead(503, response.req.complete ? headers : { ...headers, connection: 'close' }).end(body);
  }
}
