import { useQuery } from '@tanstack/react-query';
import { HandOverList, handOversQuery } from '../../credentials/hand-over-list.js';
import { usersWords } from '../../words/users.js';
import styles from './user-drawer.module.css';

/** The hand-over links that were made for an API user; nothing where there were none. */
export function HandOvers({ apiUserId }: { readonly apiUserId: string }) {
  const { data = [] } = useQuery(handOversQuery(apiUserId));
  if (data.length === 0) return null;
  return (
    <section className={styles.section} aria-label={usersWords.drawer.handOvers}>
      <h3 className={styles.title}>{usersWords.drawer.handOvers}</h3>
      <HandOverList apiUserId={apiUserId} />
    </section>
  );
}
