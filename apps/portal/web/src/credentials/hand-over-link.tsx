import { useRef } from 'react';
import { CopyButton } from '../ui/copy.js';
import { Refusal } from '../ui/states.js';
import { dayAndTime } from '../ui/time-format.js';
import { credentialsWords } from '../words/credentials.js';
import styles from './hand-over-link.module.css';
import { HandOverList } from './hand-over-list.js';
import { SecretText } from './secret-text.js';
import { selectText } from './select-text.js';
import type { LinkState } from './use-hand-over-link.js';

const words = credentialsWords.link;
const asItIs = (link: string): string => link;

/** The link that was just made, and what became of it. */
export function HandOverLink({ apiUserId, state }: { readonly apiUserId: string; readonly state: LinkState }) {
  const element = useRef<HTMLElement>(null);
  if (state.at === 'none') return null;
  return (
    <section className={styles.link} aria-label={words.title}>
      <h3 className={styles.title}>{words.title}</h3>
      <p className={styles.lead}>{words.lead}</p>
      {state.at === 'making' && <p className={styles.lead}>{words.making}</p>}
      {state.at === 'failed' && (
        <>
          <p>{words.notMade}</p>
          <Refusal problem={state.problem} />
        </>
      )}
      {state.at === 'made' && (
        <>
          <div className={styles.address}>
            <SecretText secret={state.link} shown text={asItIs} elementRef={element} />
            <CopyButton
              small
              text={() => state.link.use(asItIs) ?? ''}
              label={words.copy}
              onFail={() => {
                selectText(element.current);
              }}
            >
              {words.copy}
            </CopyButton>
          </div>
          <p className={styles.lead}>{words.until(dayAndTime(state.expiresAt))}</p>
          <HandOverList apiUserId={apiUserId} />
        </>
      )}
    </section>
  );
}
