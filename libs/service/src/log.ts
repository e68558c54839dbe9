import type { DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import { messageOf } from '@rebelcore/messaging/logger';

/** What never reaches a log, wherever it hangs on a logged object. */
const SECRET_FIELDS = ['password', 'token', 'authorization', 'cookie', 'set-cookie', 'verifier', 'totp', 'secret'];

/** One JSON line per entry on standard output. Errors are cut down to an allow-list: type, code, message and stack. */
function loggerOptions(service: string, level: string): LoggerOptions {
  return {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`]),
      remove: true,
    },
    serializers: { err: serializeError, error: serializeError },
  };
}

export const createLogger = (service: string, level: string): Logger => pino(loggerOptions(service, level));

/**
 * Nest's logger on pino. No middleware is put in front of requests: calls are recorded in the activity log, and a line
 * for each would cost more than `/authorize` itself.
 */
export function logModule(service: string, level: string, destination?: DestinationStream): DynamicModule {
  // Wrapped, a serializer gets a copy of the error that is none, and nothing is left of it.
  const options = { ...loggerOptions(service, level), autoLogging: false, wrapSerializers: false };
  return LoggerModule.forRoot({
    pinoHttp: destination === undefined ? options : [options, destination],
    forRoutes: [],
  });
}

// By `isError`, since what Node itself throws is no instance of the `Error` of a test. A driver's error carries the failing query with its parameters, a library's may carry a request with its headers.
function serializeError(error: unknown): unknown {
  if (!Error.isError(error)) return { message: typeof error === 'string' ? error : 'not an error object' };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: messageOf(error),
    ...(typeof code === 'string' && { code }),
    stack: error.stack,
    ...(Error.isError(error.cause) && { cause: serializeError(error.cause) }),
  };
}
