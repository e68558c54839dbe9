import { Dialog } from '../ui/dialog.js';
import { CheckField } from '../ui/field.js';
import { useLetterKeysSwitch, useRegisteredKeys } from '../ui/keys.js';
import { frameWords } from '../words/frame.js';
import styles from './keys-help.module.css';

const words = frameWords.help;

/** `?`: the keys of what is shown, and their switch. */
export function KeysHelp({ onClose }: { onClose: () => void }) {
  const [on, setOn] = useLetterKeysSwitch();
  const keys = useRegisteredKeys();
  const rows = [...keys.map(({ key, does }) => [key, does] as const), ...words.always];
  return (
    <Dialog open onClose={onClose} title={words.title}>
      <dl className={styles.keys}>
        {rows.map(([key, does]) => (
          <div key={key} className={styles.row}>
            <dt>
              <kbd className={styles.key}>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <CheckField
        label={words.toggle}
        hint={words.toggleHint}
        checked={on}
        onChange={({ target }) => {
          setOn(target.checked);
        }}
      />
    </Dialog>
  );
}
