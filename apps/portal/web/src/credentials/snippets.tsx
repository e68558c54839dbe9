import { Tabs } from '@base-ui/react/tabs';
import { useCallback, useRef, useState } from 'react';
import { CopyButton } from '../ui/copy.js';
import { credentialsWords as words } from '../words/credentials.js';
import { LANGUAGES, snippet, type Language } from './credential-texts.js';
import type { OneTimeSecret } from './one-time-secret.js';
import { SecretText } from './secret-text.js';
import styles from './snippets.module.css';

/** Programs that authorize with these credentials; the password in them is masked as long as it is above. */
export function Snippets({
  username,
  secret,
  shown,
  onCopied,
  onFail,
}: {
  readonly username: string;
  readonly secret: OneTimeSecret;
  readonly shown: boolean;
  readonly onCopied: () => void;
  readonly onFail: (element: HTMLElement | null) => void;
}) {
  const [language, setLanguage] = useState<Language>('curl');
  const element = useRef<HTMLElement>(null);
  const text = useCallback(
    (password: string) => snippet(language, { origin: location.origin, username }, password),
    [language, username],
  );
  return (
    <Tabs.Root
      value={language}
      onValueChange={(value) => {
        setLanguage(value as Language);
      }}
      className={styles.root}
    >
      <div className={styles.head}>
        <Tabs.List className={styles.list} aria-label={words.tryIt}>
          {LANGUAGES.map((name) => (
            <Tabs.Tab key={name} value={name} className={styles.tab}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <CopyButton
          small
          kind="quiet"
          text={() => secret.use(text) ?? ''}
          label={words.copySnippet(language)}
          onCopied={onCopied}
          onFail={() => {
            onFail(element.current);
          }}
        >
          {words.copy}
        </CopyButton>
      </div>
      <Tabs.Panel value={language} className={styles.panel} tabIndex={-1}>
        <pre className={styles.code} tabIndex={0} role="region" aria-label={words.snippetOf(language)}>
          <SecretText secret={secret} shown={shown} text={text} elementRef={element} />
        </pre>
      </Tabs.Panel>
    </Tabs.Root>
  );
}
