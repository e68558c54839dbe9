/** What this library needs of a logger: fields first, as pino takes them. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The text of anything thrown, for a log line or a status. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
