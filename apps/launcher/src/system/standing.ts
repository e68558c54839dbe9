import type { ManagedProcess } from '@rebelcore/embedded/processes';

/** What a service says of itself, as far as a start is concerned. */
export interface Standing {
  /** What it lacks to do its work; undefined when nothing. */
  readonly missing: string | undefined;
  /** Whether its view is as young as it must be. */
  readonly isCurrent: boolean;
  /** Why it does less than it should, in sentences for an operator. */
  readonly troubles: readonly string[];
}

interface Check {
  readonly answers?: boolean;
  readonly joined?: boolean;
  readonly current?: boolean;
  /** Why nothing is published. */
  readonly refusal?: string;
  /** Why a view is not as young as it could be. */
  readonly withheld?: string;
}

const ANSWER_MS = 5_000;

interface Asked {
  readonly name: string;
  readonly url: string;
  readonly process: Pick<ManagedProcess, 'listening'>;
}

/**
 * Somebody else may have its port before it listens and after it has ended: their answer is none.
 *
 * @param consuming whether it has to be a member of its consumer group
 */
export async function standingOf({ name, url, process }: Asked, consuming: boolean): Promise<Standing> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = process.listening
    ? await fetch(`${url}/health/ready`, { signal }).catch(() => undefined)
    : undefined;
  const body = await response?.text().catch(() => undefined);
  if (response === undefined || body === undefined || !process.listening) return lacking('does not answer');
  if (!response.ok) return lacking(`is not ready: ${body}`);
  const { checks: named = {} } = JSON.parse(body) as { readonly checks?: Readonly<Record<string, Check>> };
  const checks = Object.values(named);
  const missing = checks.some(({ answers }) => answers === false)
    ? 'does not reach the others'
    : consuming && checks.some(({ joined }) => joined === false)
      ? 'has not joined its consumer group'
      : undefined;
  const isCurrent = checks.every(({ current }) => current !== false);
  return { missing, isCurrent, troubles: checks.flatMap((check) => troublesOf(name, check)) };
}

const lacking = (missing: string): Standing => ({ missing, isCurrent: false, troubles: [] });

function troublesOf(name: string, { refusal, current, withheld }: Check): string[] {
  if (refusal !== undefined) return [`${name}: ${refusal}`];
  if (current !== false) return [];
  return [`${name}: ${withheld ?? 'its view is older than it may be'}`];
}

/** Of what names the command that mends it no waiting makes an end. */
export const needsMending = ({ troubles }: Standing): boolean =>
  troubles.some((trouble) => trouble.includes('"npm run '));
