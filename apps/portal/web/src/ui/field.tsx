import { useId, type ComponentProps, type ReactNode } from 'react';
import { classes } from './classes.js';
import styles from './field.module.css';

interface FieldFrame {
  label: ReactNode;
  hint?: ReactNode;
  /** What is wrong with the value: a sentence, or a rule as the server names it, `must not be empty`. */
  error?: string | undefined;
  /** Beside the label, such as a link. */
  aside?: ReactNode;
}

/** A label, a control, and what there is to say about it. The control gets its ids from `children`. */
function Frame({
  label,
  hint,
  error,
  aside,
  children,
}: FieldFrame & { children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode }) {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`]
    .filter(Boolean)
    .join(' ');
  return (
    <div className={styles.field}>
      <div className={styles.head}>
        <label htmlFor={id}>{label}</label>
        {aside}
      </div>
      {children({
        id,
        ...(described !== '' && { 'aria-describedby': described }),
        ...(error !== undefined && { 'aria-invalid': true }),
      })}
      {error !== undefined && (
        <p id={`${id}-error`} className={styles.error}>
          {sentence(label, error)}
        </p>
      )}
      {hint !== undefined && (
        <div id={`${id}-hint`} className={styles.hint}>
          {hint}
        </div>
      )}
    </div>
  );
}

/** A rule as the server says it, `must not be empty`, with the name of the field; a sentence stays what it is. */
function sentence(label: ReactNode, error: string): string {
  const isRule = /^\p{Ll}/u.test(error) && typeof label === 'string';
  return `${isRule ? `${label} ${error}` : error}${/[.!?]$/.test(error) ? '' : '.'}`;
}

/** A line of text. */
export function TextField({ label, hint, error, aside, className, ...input }: FieldFrame & ComponentProps<'input'>) {
  return (
    <Frame label={label} hint={hint} error={error} aside={aside}>
      {(ids) => <input type="text" {...input} {...ids} className={classes(styles.control, className)} />}
    </Frame>
  );
}

/** Text of several lines that is pasted rather than typed, such as a key. */
export function TextArea({ label, hint, error, aside, className, ...area }: FieldFrame & ComponentProps<'textarea'>) {
  return (
    <Frame label={label} hint={hint} error={error} aside={aside}>
      {(ids) => <textarea {...area} {...ids} className={classes(styles.control, styles.area, className)} />}
    </Frame>
  );
}

/** One of a few; `children` are `<option>`s. */
export function SelectField({
  label,
  hint,
  error,
  aside,
  className,
  ...select
}: FieldFrame & ComponentProps<'select'>) {
  return (
    <Frame label={label} hint={hint} error={error} aside={aside}>
      {(ids) => <select {...select} {...ids} className={classes(styles.control, styles.select, className)} />}
    </Frame>
  );
}

/** A box to tick, with its sentence. */
export function CheckField({
  label,
  hint,
  ...input
}: { label: ReactNode; hint?: ReactNode } & ComponentProps<'input'>) {
  const id = useId();
  return (
    <div className={styles.check}>
      <input type="checkbox" id={id} {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })} {...input} />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint !== undefined && (
          <p id={`${id}-hint`} className={styles.hint}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
