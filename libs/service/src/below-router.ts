import { errorAnswer } from '@rebelcore/contracts/oauth-error';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { IncomingMessage, ServerResponse, STATUS_CODES, type Server } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CORRELATION_HEADER } from './correlation.js';
import { incomingOn } from './sent-ahead.js';

/** Writes the headers that every answer of a service carries. */
export type WriteHeaders = (request: IncomingMessage, response: ServerResponse) => void;

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

const LINGER_MS = 500;
const MALFORMED = { status: 400, code: 'request.malformed', detail: 'This is not a well-formed HTTP request.' };
/** By the error's own code. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  FST_ERR_BAD_URL: { status: 400, code: 'request.malformed', detail: 'The address is not well-formed.' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 414, code: 'request.too-long', detail: 'A part of the address is too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request.timeout', detail: 'The request did not arrive in time.' },
  HPE_HEADER_OVERFLOW: { status: 431, code: 'request.too-large', detail: 'The headers are larger than 16 KiB.' },
};
const NO_TUNNEL = { status: 501, code: 'request.method', detail: 'This server opens no tunnels.' };
const EXPECTATION = { status: 417, code: 'request.expectation', detail: 'expect: must be 100-continue' };
const refusalOf = ({ code }: Error & { readonly code?: string }): Refusal => REFUSALS[code ?? ''] ?? MALFORMED;

/**
 * What Fastify refuses before any hook or error handler sees it, as errors are written at the address, with the headers of every
 * answer: bad addresses by the router, and what is no request at all by the server.
 */
export const belowRouter = (writeHeaders: WriteHeaders) =>
  ({
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      writeHeaders(request.raw, reply.raw);
      const { status, code, detail } = refusalOf(error);
      const { type, body } = errorAnswer(request.raw.url, problemDocument(status, code, detail));
      void reply
        .status(status)
        .headers({ 'content-type': type, 'cache-control': 'no-store', [CORRELATION_HEADER]: request.id })
        .send(body);
    },
    clientErrorHandler: (error: Error & { readonly code?: string }, socket: Socket) => {
      // The other end has gone, or there never was a request.
      if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return;
      if (!socket.writable) socket.destroy();
      else endWith(socket, answerTo(incomingOn(socket)?.url, refusalOf(error), writeHeaders));
    },
  }) satisfies FastifyServerOptions;

/** The same for what Node by itself would answer without a word, or not at all. */
export function answerForNode(server: Server, writeHeaders: WriteHeaders): void {
  server.on('connect', (_, socket) => {
    endWith(
      socket.on('error', () => undefined),
      answerTo(undefined, NO_TUNNEL, writeHeaders),
    );
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    // By the response, since others may have to be answered first on this connection.
    response.statusCode = EXPECTATION.status;
    response.end(prepare(request, response, EXPECTATION, writeHeaders));
  });
}

/** What still comes is thrown away for a moment: closed upon, its sender might never see the answer. It may not stay for longer. */
function endWith(socket: Duplex, answer: string): void {
  socket.end(answer).resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/**
 * As text: the connection may be assigned to the answer of a request that never came to its end.
 *
 * @param address that was asked for, where that is known
 */
function answerTo(address: string | undefined, refusal: Refusal, writeHeaders: WriteHeaders): string {
  const { status } = refusal;
  const request = new IncomingMessage(new Socket());
  request.url = address;
  const response = new ServerResponse(request);
  const body = prepare(request, response, refusal, writeHeaders);
  const lines = Object.entries(response.getHeaders()).map(([name, value]) => `${name}: ${String(value)}`);
  return [`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n');
}

/** Sets the headers; answers the body. */
function prepare(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, detail }: Refusal,
  writeHeaders: WriteHeaders,
): string {
  const { type, body } = errorAnswer(request.url, problemDocument(status, code, detail));
  writeHeaders(request, response);
  response.setHeaders(
    new Map([
      ['content-type', type],
      ['content-length', String(Buffer.byteLength(body))],
      ['cache-control', 'no-store'],
      ['connection', 'close'],
    ]),
  );
  return body;
}
