import type { ReactNode } from 'react';
import styles from './status.module.css';

export type Mark = 'in-force' | 'off' | 'not-confirmed' | 'refused';
const GLYPHS: Record<Mark, string> = { 'in-force': '●', off: '○', 'not-confirmed': '◐', refused: '✕' };

/** `● Active`, `○ Inactive`, `◐ Not confirmed`: a shape and a word, never a colour alone. */
export function Status({ mark, children }: { mark: Mark; children: ReactNode }) {
  return (
    <span className={styles.status} data-mark={mark}>
      <span className={styles.glyph} aria-hidden>
        {GLYPHS[mark]}
      </span>
      <span>{children}</span>
    </span>
  );
}

/** What is proven of a change, under the state that was changed: `● in force since 12:03:04.120 · entry 91 204`. */
export function ProofLine({ mark, parts }: { mark: Mark; parts: readonly ReactNode[] }) {
  return (
    <p className={styles.proof} data-mark={mark}>
      <span className={styles.glyph} aria-hidden>
        {GLYPHS[mark]}
      </span>
      {parts.map((part, index) => (
        <span key={index}>
          {index > 0 && ' · '}
          {part}
        </span>
      ))}
    </p>
  );
}
