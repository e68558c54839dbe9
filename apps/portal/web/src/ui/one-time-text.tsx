import { Eye, EyeOff } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button } from './button.js';
import { CopyButton } from './copy.js';
import styles from './one-time-text.module.css';

/**
 * Text that is shown only now: masked until asked for, in groups made by CSS only, so that a copy is exact. It is no
 * password field, since managers would save it.
 */
export function OneTimeText({
  lines,
  name,
  group = 0,
  onCopied,
}: {
  lines: readonly string[];
  /** What it is, within a sentence: `the password`. */
  name: string;
  /** Characters of a group; 0 for none. */
  group?: number;
  onCopied?: () => void;
}) {
  const [shown, setShown] = useState(false);
  const text = useRef<HTMLDivElement>(null);

  function selectAll() {
    setShown(true);
    setTimeout(() => {
      if (text.current !== null) getSelection()?.selectAllChildren(text.current);
    });
  }

  return (
    <div className={styles.frame}>
      <div ref={text} className={styles.lines} data-many={lines.length > 1} translate="no">
        {lines.map((line) => (
          <code key={line} className={styles.line}>
            {shown ? <Grouped text={line} size={group} /> : <Masked length={line.length} />}
          </code>
        ))}
      </div>
      <div className={styles.actions}>
        <Button
          small
          aria-pressed={shown}
          onClick={() => {
            setShown(!shown);
          }}
        >
          {shown ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
          {shown ? 'Hide' : 'Show'}
          <span className="visually-hidden"> {name}</span>
        </Button>
        <CopyButton
          small
          text={() => lines.join('\n')}
          label={`Copy ${name}`}
          onFail={selectAll}
          {...(onCopied && { onCopied })}
        >
          Copy
        </CopyButton>
      </div>
    </div>
  );
}

/** Dots for the eye only; what is hidden is said once, by the button that shows it. */
const Masked = ({ length }: { length: number }) => <span aria-hidden>{'•'.repeat(Math.min(length, 24))}</span>;

function Grouped({ text, size }: { text: string; size: number }) {
  if (size === 0) return text;
  const groups = text.match(new RegExp(`.{1,${String(size)}}`, 'gsu')) ?? [];
  return groups.map((group, index) => (
    <span key={index} className={styles.group}>
      {group}
    </span>
  ));
}
