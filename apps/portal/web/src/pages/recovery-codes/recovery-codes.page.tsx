import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { announce } from '../../ui/announce.js';
import { Page } from '../../ui/page.js';
import { RecoveryCodes } from '../../ui/recovery-codes.js';
import { TotpForm } from '../../ui/totp-form.js';
import { recoveryCodeWords } from '../../words/recovery-codes.js';
import styles from './recovery-codes.module.css';

const words = recoveryCodeWords.renew;

/** Ten other recovery codes for whoever has the authenticator app at hand: a screen that was left open is not enough. */
export function RecoveryCodesPage() {
  const navigate = useNavigate();
  const [codes, setCodes] = useState<readonly string[]>();
  const renew = async (totp: string) => {
    const { recovery_codes } = await answer(api.POST('/api/v1/me/recovery-codes', { body: { totp } }));
    setCodes(recovery_codes);
  };
  if (codes === undefined) {
    return (
      <Page title={words.title} lead={words.lead}>
        <div className={styles.column}>
          <TotpForm label={words.code} hint={words.codeHint} action={words.make} onCode={renew}>
            <Link to="/sessions">{words.cancel}</Link>
          </TotpForm>
        </div>
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
