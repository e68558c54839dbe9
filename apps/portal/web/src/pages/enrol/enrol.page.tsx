import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { meQuery } from '../../api/me.js';
import { asProblem } from '../../api/problem.js';
import { safeNext } from '../../app/next.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { Column } from '../../ui/page.js';
import { RecoveryCodes } from '../../ui/recovery-codes.js';
import { Empty, Loading, LoadError } from '../../ui/states.js';
import { TotpForm } from '../../ui/totp-form.js';
import { enrolWords as words } from '../../words/enrol.js';
import { recoveryCodeWords } from '../../words/recovery-codes.js';
import styles from './enrol.module.css';
import { QrCode } from './qr-code.js';

const route = getRouteApi('/enrol');

/** The key, a code made from it, and the recovery codes. The QR stays in sight until a code has shown that it was read. */
export function EnrolPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const [codes, setCodes] = useState<readonly string[]>();

  async function leave() {
    await client.query({ ...meQuery, staleTime: 0 });
    router.history.push(safeNext(next, location.origin));
  }

  if (codes !== undefined) {
    return (
      <Column key="codes" title={recoveryCodeWords.title} lead={recoveryCodeWords.lead}>
        <p className={styles.number}>{words.stepOf(3)}</p>
        <RecoveryCodes codes={codes} onDone={() => void leave()} />
      </Column>
    );
  }
  return (
    <Column title={words.title} lead={words.lead}>
      <Authenticator onConfirmed={setCodes} onEnrolled={() => void leave()} />
    </Column>
  );
}

function Authenticator({
  onConfirmed,
  onEnrolled,
}: {
  onConfirmed: (codes: readonly string[]) => void;
  onEnrolled: () => void;
}) {
  // A key is made anew by each request until one is confirmed, so that it is asked for once and kept nowhere.
  const key = useQuery({
    queryKey: ['second-factor'],
    queryFn: () => answer(api.POST('/api/v1/me/second-factor')),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  if (key.isError) {
    const problem = asProblem(key.error);
    return problem.code === 'second-factor.enrolled' ? (
      <Empty action={<Button onClick={onEnrolled}>{words.goOn}</Button>}>{words.enrolled}</Empty>
    ) : (
      <LoadError what={words.keyName} problem={problem} onRetry={() => void key.refetch()} />
    );
  }
  if (key.data === undefined) return <Loading rows={5} />;
  const { secret, otpauth_uri: uri } = key.data;
  const confirm = async (totp: string) => {
    const { recovery_codes } = await answer(api.POST('/api/v1/me/second-factor/confirm', { body: { totp } }));
    onConfirmed(recovery_codes);
  };
  return (
    <>
      <section className={styles.step}>
        <div>
          <p className={styles.number}>{words.stepOf(1)}</p>
          <h2>{words.scan}</h2>
        </div>
        <QrCode text={uri} label={words.qr} />
        <p className={styles.hint}>{words.scanHint}</p>
        <div className={styles.key}>
          <code translate="no">
            {(secret.match(/.{1,4}/g) ?? []).map((group, index) => (
              <span key={index} className={styles.group}>
                {group}
              </span>
            ))}
          </code>
          <CopyButton text={() => secret} label={words.copyKey} kind="quiet" icon />
        </div>
      </section>
      <section className={styles.step}>
        <div>
          <p className={styles.number}>{words.stepOf(2)}</p>
          <h2>{words.confirm}</h2>
        </div>
        <TotpForm label={words.code} hint={words.codeHint} action={words.continue} onCode={confirm} />
      </section>
    </>
  );
}
