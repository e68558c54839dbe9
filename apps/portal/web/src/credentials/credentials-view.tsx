import { Download, Eye, EyeOff } from 'lucide-react';
import { useRef, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { Button } from '../ui/button.js';
import { CopyButton } from '../ui/copy.js';
import { credentialsWords as words } from '../words/credentials.js';
import { envFile, envFileName, jsonText } from './credential-texts.js';
import styles from './credentials-view.module.css';
import { download } from './download.js';
import type { OneTimeSecret } from './one-time-secret.js';
import { SecretText } from './secret-text.js';
import { selectText } from './select-text.js';
import { Snippets } from './snippets.js';

const asItIs = (password: string): string => password;

/** Username, password and the texts made of them. Nothing here keeps the password; it asks the holder each time. */
export function CredentialsView({
  username,
  label,
  secret,
  onCopied,
  more,
  below,
}: {
  readonly username: string;
  readonly label: string | null;
  readonly secret: OneTimeSecret;
  /** The password, alone or within a text, is on the clipboard now. */
  readonly onCopied: () => void;
  /** Another button beside those for files. */
  readonly more?: ReactNode;
  /** What that button opens. */
  readonly below?: ReactNode;
}) {
  const [shown, setShown] = useState(false);
  const [refused, setRefused] = useState(false);
  const usernameElement = useRef<HTMLElement>(null);
  const passwordElement = useRef<HTMLElement>(null);

  const copied = () => {
    setRefused(false);
    onCopied();
  };
  /** What could not be copied is shown and selected; it must be there before it can be selected. */
  const select = (element: HTMLElement | null) => {
    flushSync(() => {
      setShown(true);
      setRefused(true);
    });
    selectText(element);
  };
  const save = () => {
    const access = { origin: location.origin, username };
    secret.use((password) => {
      download(envFileName(label), 'text/plain', envFile(access, password));
    });
  };

  return (
    <div className={styles.view}>
      <dl className={styles.pairs}>
        <div className={styles.pair}>
          <dt>{words.username}</dt>
          <dd className={styles.value}>
            <code ref={usernameElement} translate="no">
              {username}
            </code>
            <CopyButton
              small
              text={() => username}
              label={words.copyUsername}
              onFail={() => {
                setRefused(true);
                selectText(usernameElement.current);
              }}
            >
              {words.copy}
            </CopyButton>
          </dd>
        </div>
        <div className={styles.pair}>
          <dt>{words.password}</dt>
          <dd className={styles.value}>
            {!shown && <span className="visually-hidden">{words.passwordIsMasked}</span>}
            <span className={styles.password} aria-hidden={!shown} data-shown={shown}>
              <SecretText secret={secret} shown={shown} text={asItIs} groups={6} elementRef={passwordElement} />
            </span>
            <span className={styles.buttons}>
              <Button
                small
                aria-pressed={shown}
                onClick={() => {
                  setShown(!shown);
                }}
              >
                {shown ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
                {shown ? words.hide : words.show}
              </Button>
              <CopyButton
                small
                text={() => secret.use(asItIs) ?? ''}
                label={words.copyPassword}
                onCopied={copied}
                onFail={() => {
                  select(passwordElement.current);
                }}
              >
                {words.copy}
              </CopyButton>
            </span>
          </dd>
        </div>
      </dl>
      {refused && <p className={styles.refused}>{words.copyRefused}</p>}
      <div className={styles.buttons}>
        <Button small onClick={save}>
          <Download size={14} aria-hidden />
          {words.download}
        </Button>
        <CopyButton
          small
          text={() => secret.use((password) => jsonText({ origin: location.origin, username }, password)) ?? ''}
          label={words.copyJson}
          onCopied={copied}
          onFail={() => {
            select(passwordElement.current);
          }}
        >
          {words.copyJson}
        </CopyButton>
        {more}
      </div>
      {below}
      <Snippets username={username} secret={secret} shown={shown} onCopied={copied} onFail={select} />
      <p className={styles.belongs}>
        {words.belongs} <strong>{words.belongsNot}</strong>
      </p>
    </div>
  );
}
