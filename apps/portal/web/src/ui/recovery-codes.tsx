import { useBlocker } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button } from './button.js';
import { Dialog } from './dialog.js';
import { downloadText } from './download.js';
import { TextField } from './field.js';
import { OneTimeText } from './one-time-text.js';
import { recoveryCodeWords as words } from '../words/recovery-codes.js';
import styles from './recovery-codes.module.css';
import { Form } from './form.js';

const plain = (code: string): string => code.toLowerCase().replace(/[\s-]/g, '');

/** Ten codes that are shown only now; whoever goes on has typed one of them back. */
export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const stored = useRef(false);
  useEffect(() => {
    scrollTo(0, 0);
  }, []);
  const blocker = useBlocker({
    shouldBlockFn: () => !stored.current,
    enableBeforeUnload: () => !stored.current,
    withResolver: true,
  });

  function done() {
    stored.current = codes.some((code) => plain(code) === plain(typed));
    setWrong(!stored.current);
    if (stored.current) onDone();
  }

  return (
    <>
      <OneTimeText lines={codes} name={words.name} />
      <Form className={styles.form} onSend={done}>
        <TextField
          label={words.typeOne}
          className="mono"
          name="recovery_code"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          value={typed}
          error={wrong ? words.mismatch : undefined}
          onChange={({ target }) => {
            setTyped(target.value);
            setWrong(false);
          }}
        />
        <div className={styles.actions}>
          <Button
            onClick={() => {
              downloadText(words.file, `${codes.join('\n')}\n`);
            }}
          >
            <Download size={16} aria-hidden />
            {words.download}
          </Button>
          <Button kind="main" type="submit">
            {words.done}
          </Button>
        </div>
      </Form>
      <Dialog
        open={blocker.status === 'blocked'}
        onClose={() => blocker.reset?.()}
        kind="alert"
        title={words.leave.title}
        description={words.leave.description}
        actions={
          <>
            <Button onClick={() => blocker.reset?.()}>{words.leave.stay}</Button>
            <Button
              kind="danger"
              onClick={() => {
                stored.current = true;
                blocker.proceed?.();
              }}
            >
              {words.leave.leave}
            </Button>
          </>
        }
      />
    </>
  );
}
