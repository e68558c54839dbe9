import { useState } from 'react';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { copyText } from '../../ui/copy.js';
import { credentialsWords } from '../../words/credentials.js';
import styles from './users.module.css';

const words = credentialsWords.clipboard;

/** After credentials were copied and stored: the clipboard is the last place where they may still be. */
export function ClipboardNotice({ onDismiss }: { readonly onDismiss: () => void }) {
  const [failed, setFailed] = useState(false);
  const clear = async () => {
    if (await copyText('')) {
      announce(words.cleared);
      onDismiss();
    } else setFailed(true);
  };
  return (
    <div className={styles.notice} role="region" aria-label={words.clear}>
      <p role="status">{failed ? words.notCleared : words.holds}</p>
      {!failed && (
        <Button small onClick={() => void clear()}>
          {words.clear}
        </Button>
      )}
      <Button small kind="quiet" onClick={onDismiss}>
        {words.dismiss}
      </Button>
    </div>
  );
}
