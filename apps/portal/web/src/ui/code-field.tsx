import { type ComponentProps, useRef } from 'react';
import { flushSync } from 'react-dom';
import styles from './code-field.module.css';
import { TextField } from './field.js';

const LENGTH = 6;

/** Six digits in one field: takes spaces that were pasted with them, and says when they are complete. */
export function CodeField({
  value,
  onValue,
  onComplete,
  ...field
}: Omit<ComponentProps<typeof TextField>, 'value' | 'onChange'> & {
  value: string;
  onValue: (digits: string) => void;
  onComplete: (digits: string) => void;
}) {
  const told = useRef('');
  return (
    <TextField
      {...field}
      className={styles.code}
      inputMode="numeric"
      autoComplete="one-time-code"
      autoCapitalize="off"
      spellCheck={false}
      value={value}
      onChange={({ target }) => {
        const digits = target.value.replace(/\D/g, '').slice(0, LENGTH);
        // Whoever hears that they are complete finds them in its state.
        flushSync(() => {
          onValue(digits);
        });
        if (digits.length === LENGTH && told.current !== digits) onComplete(digits);
        told.current = digits.length === LENGTH ? digits : '';
      }}
    />
  );
}
