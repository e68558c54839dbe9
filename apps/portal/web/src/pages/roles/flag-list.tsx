import { CheckField } from '../../ui/field.js';
import { Status } from '../../ui/status.js';
import { rolesWords as words } from '../../words/roles.js';
import { FLAGS, type Flags } from './roles.data.js';
import styles from './roles.module.css';

/** The flags with a sentence each; without `onChange` they are only told. */
export function FlagList({ flags, onChange }: { flags: Flags; onChange?: (flags: Flags) => void }) {
  return (
    <ul className={styles.flags}>
      {FLAGS.map((flag) => {
        const [name, sentence] = words.flags[flag];
        return (
          <li key={flag} className={styles.flag}>
            {onChange === undefined ? (
              <>
                <Status mark={flags[flag] ? 'in-force' : 'off'}>
                  <strong className={styles.flagName}>{name}</strong>
                  <span className="visually-hidden">: {flags[flag] ? 'yes' : 'no'}</span>
                </Status>
                <p className={styles.sentence}>{sentence}</p>
              </>
            ) : (
              <CheckField
                label={<strong className={styles.flagName}>{name}</strong>}
                hint={sentence}
                name={flag}
                checked={flags[flag]}
                onChange={({ target }) => {
                  onChange({ ...flags, [flag]: target.checked });
                }}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}
