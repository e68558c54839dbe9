import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { CodeField } from '../../ui/code-field.js';
import { useSubmit } from '../../ui/form.js';
import { Page } from '../../ui/page.js';
import { RecoveryCodes } from '../../ui/recovery-codes.js';
import { Refusal } from '../../ui/states.js';
import { recoveryCodeWords } from '../../words/recovery-codes.js';
import styles from './recovery-codes.module.css';

const words = recoveryCodeWords.renew;

/** Ten other recovery codes for whoever has the authenticator app at hand: a screen that was left open is not enough. */
export function RecoveryCodesPage() {
  const navigate = useNavigate();
  const [codes, setCodes] = useState<readonly string[]>();
  if (codes === undefined) {
    return (
      <Page title={words.title} lead={words.lead}>
        <Ask onRenewed={setCodes} />
      </Page>
    );
  }
  return (
    <Page key="codes" title={recoveryCodeWords.title} lead={recoveryCodeWords.lead}>
      <div className={styles.column}>
        <RecoveryCodes
          codes={codes}
          onDone={() => {
            announce(words.made);
            void navigate({ to: '/sessions' });
          }}
        />
      </div>
    </Page>
  );
}

function Ask({ onRenewed }: { onRenewed: (codes: readonly string[]) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [code, setCode] = useState('');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    const body = { totp: code };
    const { recovery_codes } = await answer(api.POST('/api/v1/me/recovery-codes', { body }));
    onRenewed(recovery_codes);
  });
  return (
    <form
      ref={form}
      className={styles.column}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Refusal problem={problem} />
      <CodeField
        label={words.code}
        hint={words.codeHint}
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
      <div className={styles.actions}>
        <Button kind="main" type="submit" busy={busy} writes>
          {words.make}
        </Button>
        <Link to="/sessions">{words.cancel}</Link>
      </div>
    </form>
  );
}
