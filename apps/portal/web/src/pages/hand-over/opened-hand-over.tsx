import { useState } from 'react';
import { CredentialsView } from '../../credentials/credentials-view.js';
import type { OneTimeSecret } from '../../credentials/one-time-secret.js';
import { useLeaveGuard } from '../../credentials/use-leave-guard.js';
import { Named } from '../../sentences/named.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { CheckField } from '../../ui/field.js';
import { Column } from '../../ui/page.js';
import { credentialsWords } from '../../words/credentials.js';
import styles from './hand-over.module.css';

const words = credentialsWords.page;

/** The credentials behind a link, once; guarded like those of a mint. */
export function OpenedHandOver({
  username,
  label,
  secret,
  onDone,
}: {
  readonly username: string;
  readonly label: string | null;
  readonly secret: OneTimeSecret;
  readonly onDone: () => void;
}) {
  const [stored, setStored] = useState(false);
  const held = useLeaveGuard(!stored);
  const { asked } = credentialsWords;
  return (
    <Column
      title={words.titleOf(label)}
      heading={label === null ? words.titleOf(null) : <Named sentence={words.titleOf} name={label} />}
      lead={words.onlyNow}
      wide
    >
      <CredentialsView username={username} label={label} secret={secret} onCopied={() => undefined} />
      <div className={styles.foot}>
        <CheckField
          label={credentialsWords.stored}
          checked={stored}
          onChange={({ target }) => {
            setStored(target.checked);
          }}
        />
        <Button
          kind="create"
          aria-disabled={!stored}
          onClick={() => {
            if (stored) onDone();
          }}
        >
          {credentialsWords.done}
        </Button>
      </div>
      <Dialog
        open={held !== undefined}
        kind="alert"
        noClose
        title={asked.title}
        description={words.leaveText}
        onClose={() => held?.stay()}
        actions={
          <>
            <Button onClick={() => held?.stay()}>{asked.stay}</Button>
            <Button
              kind="danger"
              onClick={() => {
                onDone();
                held?.leave();
              }}
            >
              {asked.leave}
            </Button>
          </>
        }
      />
    </Column>
  );
}
