/** What the commands of `package.json` do alike: how they print, explain a failure and end. */
import { messageOf } from '@rebelcore/messaging/logger';
import { forgetPostgresVariables } from './embedded.config.js';

const styled = (code: number) => (text: string) => (process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = styled(1);
export const dim = styled(2);

/** One line on standard output. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** The command was called in a way that it does not understand; answered with its usage. */
export class Misused extends Error {}

export interface Command {
  /** For a command that takes arguments. */
  readonly usage?: string;
  /** Stands before the reason of a failure. */
  readonly failed?: string;
  /** @returns the exit status */
  readonly run: () => number | Promise<number>;
}

/** Runs a command and ends this process: with its status, or with 1 and the reason on standard error. */
export async function runCommand({ usage = '', failed = '', run }: Command): Promise<never> {
  let status = 1;
  forgetPostgresVariables();
  try {
    status = await run();
  } catch (error) {
    process.stderr.write(`${isMisuse(error) ? usage : failed + explain(error)}\n`);
  }
  process.exit(status);
}

const isMisuse = (error: unknown) =>
  error instanceof Misused || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');

/** A failed fetch says why only in its cause. */
function explain(error: unknown): string {
  const { cause } = error as Error;
  return error instanceof TypeError && cause instanceof Error
    ? `${error.message}: ${messageOf(cause)}`
    : messageOf(error);
}
