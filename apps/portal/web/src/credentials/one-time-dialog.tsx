import { useState } from 'react';
import { Named } from '../sentences/named.js';
import { announce } from '../ui/announce.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { CheckField } from '../ui/field.js';
import { credentialsWords as words } from '../words/credentials.js';
import { CredentialsView } from './credentials-view.js';
import { HandOverLink } from './hand-over-link.js';
import type { Minted } from './mint.js';
import styles from './one-time-dialog.module.css';
import type { OneTimeSecret } from './one-time-secret.js';
import { useHandOverLink } from './use-hand-over-link.js';
import { useLeaveGuard } from './use-leave-guard.js';

/**
 * The only time that a password is shown. Esc, a press beside it, Back, a link and reload ask first, until the box says
 * that it is stored.
 */
export function OneTimeDialog({
  minted,
  secret,
  onDone,
  onDiscard,
}: {
  readonly minted: Minted;
  readonly secret: OneTimeSecret;
  /** @param copied whether the password may be on the clipboard */
  readonly onDone: (copied: boolean) => void;
  /** Closed without storing. */
  readonly onDiscard: () => void;
}) {
  const [stored, setStored] = useState(false);
  const [copied, setCopied] = useState(false);
  const link = useHandOverLink(minted);
  const [asking, setAsking] = useState(false);
  const held = useLeaveGuard(!stored);

  const done = () => {
    if (!stored) {
      announce(words.storeFirst);
      return;
    }
    onDone(copied);
  };
  const stay = () => {
    setAsking(false);
    held?.stay();
  };
  const leave = () => {
    onDiscard();
    held?.leave();
  };

  return (
    <Dialog
      open
      wide
      noClose
      title={minted.label === null ? words.titleOf(null) : <Named sentence={words.titleOf} name={minted.label} />}
      description={words.onlyNow}
      onClose={() => {
        if (stored) onDone(copied);
        else setAsking(true);
      }}
      actions={
        <div className={styles.foot}>
          <CheckField
            label={link.state.at === 'made' ? words.storedOrHandedOver : words.stored}
            checked={stored}
            onChange={({ target }) => {
              setStored(target.checked);
            }}
          />
          <Button kind="create" aria-disabled={!stored} onClick={done}>
            {words.done}
          </Button>
        </div>
      }
    >
      <p className={styles.accepted} data-accepted={minted.enforced} role="status">
        <span aria-hidden>{minted.enforced ? '●' : '◐'}</span> {minted.enforced ? words.accepted : words.notYetAccepted}
      </p>
      <CredentialsView
        username={minted.username}
        label={minted.label}
        secret={secret}
        onCopied={() => {
          setCopied(true);
        }}
        below={<HandOverLink apiUserId={minted.id} state={link.state} />}
        more={
          link.state.at === 'none' && (
            <Button
              small
              writes
              onClick={() => {
                void link.make(secret);
              }}
            >
              {words.handOver}
            </Button>
          )
        }
      />
      <Dialog
        open={asking || held !== undefined}
        kind="alert"
        noClose
        title={words.asked.title}
        description={words.asked.text}
        onClose={stay}
        actions={
          <>
            <Button onClick={stay}>{words.asked.stay}</Button>
            <Button kind="danger" onClick={leave}>
              {words.asked.leave}
            </Button>
          </>
        }
      />
    </Dialog>
  );
}
