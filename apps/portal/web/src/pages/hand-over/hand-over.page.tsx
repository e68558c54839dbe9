import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { asProblem, type Problem } from '../../api/problem.js';
import { openHandOver } from '../../credentials/credentials-api.js';
import { isKey, unseal } from '../../credentials/hand-over-cipher.js';
import { OneTimeSecret } from '../../credentials/one-time-secret.js';
import { Button } from '../../ui/button.js';
import { Column } from '../../ui/page.js';
import { Refusal } from '../../ui/states.js';
import { credentialsWords } from '../../words/credentials.js';
import styles from './hand-over.module.css';
import { OpenedHandOver } from './opened-hand-over.js';

const words = credentialsWords.page;
const route = getRouteApi('/hand-over/$id');

type State =
  | { readonly at: 'closed' | 'opening' | 'cut' | 'unknown' | 'unreadable' | 'done' }
  | { readonly at: 'gone'; readonly why: keyof typeof words.gone }
  | { readonly at: 'lost'; readonly problem: Problem }
  | {
      readonly at: 'opened';
      readonly username: string;
      readonly label: string | null;
      readonly secret: OneTimeSecret;
    };

const WHY_GONE: Readonly<Partial<Record<string, keyof typeof words.gone>>> = {
  'hand-over.opened': 'opened',
  'hand-over.expired': 'expired',
  'hand-over.withdrawn': 'withdrawn',
};

/** What the one sees to whom credentials are handed over. Nothing is opened before a button is pressed: previews of links press none. */
export function HandOverPage() {
  const { id } = route.useParams();
  const [key] = useState(() => new OneTimeSecret(location.hash.slice(1)));
  const [state, setState] = useState<State>(() => ({ at: key.use(isKey) === true ? 'closed' : 'cut' }));
  const held = useRef<OneTimeSecret>(undefined);
  useEffect(
    () => () => {
      held.current?.forget();
    },
    [],
  );

  const open = async (): Promise<void> => {
    setState({ at: 'opening' });
    try {
      const ciphertext = await openHandOver(id);
      const credentials = await key.use((text) => unseal(ciphertext, text));
      // The link opens nothing any more, so that its key need not stay in the address and the history.
      key.forget();
      history.replaceState(history.state, '', location.pathname);
      if (credentials === undefined) {
        setState({ at: 'unreadable' });
        return;
      }
      const secret = new OneTimeSecret(credentials.password);
      held.current = secret;
      setState({ at: 'opened', username: credentials.username, label: credentials.label, secret });
    } catch (thrown) {
      const problem = asProblem(thrown);
      const why = WHY_GONE[problem.code];
      if (why !== undefined) setState({ at: 'gone', why });
      else if (problem.status === 404) setState({ at: 'unknown' });
      else setState({ at: 'lost', problem });
    }
  };

  switch (state.at) {
    case 'closed':
    case 'opening':
      return (
        <Column title={words.title} lead={words.lead}>
          <ul className={styles.points}>
            {words.points.map((point) => (
              <li key={point}>{point}</li>
            ))}
          </ul>
          <Button kind="create" busy={state.at === 'opening'} writes onClick={() => void open()}>
            {state.at === 'opening' ? words.opening : words.open}
          </Button>
        </Column>
      );
    case 'lost':
      return (
        <Column title={state.problem.isUnanswered ? words.lostTitle : words.failedTitle}>
          {state.problem.isUnanswered ? <p>{words.lost}</p> : <Refusal problem={state.problem} />}
          <Button writes onClick={() => void open()}>
            {words.tryAgain}
          </Button>
        </Column>
      );
    case 'opened':
      return (
        <OpenedHandOver
          username={state.username}
          label={state.label}
          secret={state.secret}
          onDone={() => {
            state.secret.forget();
            held.current = undefined;
            setState({ at: 'done' });
          }}
        />
      );
    case 'cut':
      return <Column title={words.cutTitle} lead={words.cut} />;
    case 'gone':
      return <Column title={words.gone[state.why].title} lead={words.gone[state.why].text} />;
    case 'unknown':
      return <Column title={words.unknownTitle} lead={words.unknown} />;
    case 'unreadable':
      return <Column title={words.unreadableTitle} lead={words.unreadable} />;
    case 'done':
      return <Column title={words.doneTitle} lead={words.done} />;
  }
}
