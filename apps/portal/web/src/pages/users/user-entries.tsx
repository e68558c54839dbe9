import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { asProblem } from '../../api/problem.js';
import { EntrySentence } from '../../sentences/entry-sentence.js';
import { Loading, LoadError } from '../../ui/states.js';
import { Time } from '../../ui/time.js';
import { usersWords } from '../../words/users.js';
import styles from './user-drawer.module.css';
import { entriesQuery } from './users.queries.js';

const words = usersWords.drawer;

/** The last ten entries of the activity log about a user. */
export function UserEntries({ userId }: { readonly userId: string }) {
  const { data, error, refetch } = useQuery(entriesQuery(userId));
  return (
    <section className={styles.section} aria-label={words.entries}>
      <div className={styles.head}>
        <h3>{words.entries}</h3>
        <Link to="/activity" search={{ user: userId }} className={styles.all}>
          {words.allEntries}
        </Link>
      </div>
      {error !== null && (
        <LoadError problem={asProblem(error)} what={words.whatEntries} onRetry={() => void refetch()} />
      )}
      {data === undefined && error === null && <Loading rows={3} dense />}
      {data?.length === 0 && <p className={styles.faint}>{words.noEntries}</p>}
      <ul className={styles.entries}>
        {data?.map((entry) => (
          <li key={entry.id} className={styles.entry} data-outcome={entry.outcome}>
            <Time at={entry.occurred_at} />
            <span>
              <EntrySentence entry={entry} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
