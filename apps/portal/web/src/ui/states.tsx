import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Problem } from '../api/problem.js';
import { stateWords as words } from '../words/states.js';
import { Button } from './button.js';
import { CopyButton } from './copy.js';
import styles from './states.module.css';
import { clock, type Instant } from './time-format.js';

/** Rows of the exact height where a list will be; nothing for the first 150 ms. */
export function Loading({ rows = 6, dense = false }: { rows?: number; dense?: boolean }) {
  return (
    <div className={styles.loading} role="status" aria-label={words.loading}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={dense ? styles.denseRow : styles.row} aria-hidden>
          <span />
        </div>
      ))}
    </div>
  );
}

/** A line of 2 px while what is shown is loaded again. */
export const Refreshing = ({ active }: { active: boolean }) => (
  <div className={styles.refreshing} data-active={active} aria-hidden />
);

/** Nothing there yet: one sentence and what to do. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p>{children}</p>
      {action}
    </div>
  );
}

/** A failed load where it failed; what is shown stays, dated. */
export function LoadError({
  problem,
  what,
  asOf,
  zone,
  onRetry,
}: {
  problem: Problem;
  /** `The list` */
  what: string;
  asOf?: Instant | undefined;
  /** Of the IANA database; the browser's own by default. */
  zone?: string;
  onRetry: () => void;
}) {
  return (
    <div className={styles.error} role="alert">
      <p>
        {words.notLoaded(what, problem)} {asOf !== undefined && words.stillFrom(clock(asOf, zone))}
      </p>
      <div className={styles.errorActions}>
        <Button small onClick={onRetry}>
          <RotateCw size={14} aria-hidden />
          {words.tryAgain}
        </Button>
        <Correlation problem={problem} />
      </div>
    </div>
  );
}

/** What a write was refused for, or that nobody knows. */
export function Refusal({ problem }: { problem: Problem | undefined }) {
  if (problem === undefined) return null;
  return (
    <div className={styles.error} role="alert">
      <p>{words.refused(problem)}</p>
      {problem.status >= 500 && <Correlation problem={problem} />}
    </div>
  );
}

function Correlation({ problem: { correlationId } }: { problem: Problem }) {
  if (correlationId === undefined) return null;
  return (
    <span className={styles.correlation}>
      <code>{correlationId}</code>
      <CopyButton text={() => correlationId} label={words.copyCorrelation} kind="quiet" icon small />
    </span>
  );
}

/** Something to know before going on: amber when it matters. */
export const Note = ({ tone = 'plain', children }: { tone?: 'plain' | 'amber' | 'green'; children: ReactNode }) => (
  <div className={styles.note} data-tone={tone}>
    {children}
  </div>
);
