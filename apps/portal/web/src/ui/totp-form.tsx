import { useRef, useState, type ReactNode } from 'react';
import { Button } from './button.js';
import { CodeField } from './code-field.js';
import { Form, useSubmit } from './form.js';
import { Refusal } from './states.js';
import styles from './totp-form.module.css';

/** Asks for the six digits of the authenticator app and sends them once they are complete; a refusal stands at the field. */
export function TotpForm({
  label,
  hint,
  action,
  onCode,
  children,
}: {
  label: string;
  hint: string;
  /** What the button says. */
  action: string;
  /** Sends them; what it throws is shown. */
  onCode: (totp: string) => Promise<void>;
  /** Beside the button. */
  children?: ReactNode;
}) {
  const form = useRef<HTMLFormElement>(null);
  const [code, setCode] = useState('');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, () => onCode(code));
  const button = (
    <Button kind="main" type="submit" busy={busy} writes>
      {action}
    </Button>
  );
  return (
    <Form ref={form} className={styles.form} onSend={send}>
      <Refusal problem={problem} />
      <CodeField
        label={label}
        hint={hint}
        name="totp"
        value={code}
        error={errorOf('totp')}
        onValue={(digits) => {
          setCode(digits);
          changed('totp');
        }}
        onComplete={() => {
          form.current?.requestSubmit();
        }}
      />
      {children === undefined ? (
        button
      ) : (
        <div className={styles.actions}>
          {button}
          {children}
        </div>
      )}
    </Form>
  );
}
