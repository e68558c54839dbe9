import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { asProblem } from '../api/problem.js';
import { Button } from '../ui/button.js';
import { Refusal } from '../ui/states.js';
import { Status, type Mark } from '../ui/status.js';
import { dayAndTime } from '../ui/time-format.js';
import { credentialsWords } from '../words/credentials.js';
import { handOversOf, withdrawHandOver, type HandOver } from './credentials-api.js';
import styles from './hand-over-link.module.css';

const words = credentialsWords.link;
const POLL_MS = 3000;

const MARKS: Record<HandOver['status'], Mark> = {
  waiting: 'not-confirmed',
  opened: 'in-force',
  expired: 'off',
  withdrawn: 'off',
};

/** Kept up to date for as long as one could be opened, since somebody may also try one that opens nothing any more. */
export const handOversQuery = (apiUserId: string) =>
  queryOptions({
    queryKey: ['hand-overs', apiUserId],
    queryFn: ({ signal }) => handOversOf(apiUserId, signal),
    refetchInterval: ({ state }) => (state.data?.some(isFresh) === true ? POLL_MS : false),
  });

const isFresh = ({ expires_at }: HandOver): boolean => Date.parse(expires_at) > Date.now();

/** The hand-over links of an API user, those that wait with a way to withdraw them. Nothing where there were none. */
export function HandOverList({ apiUserId }: { readonly apiUserId: string }) {
  const client = useQueryClient();
  const { data = [] } = useQuery(handOversQuery(apiUserId));
  const withdraw = useMutation({
    mutationFn: withdrawHandOver,
    onSettled: () => client.invalidateQueries({ queryKey: handOversQuery(apiUserId).queryKey }),
  });
  if (data.length === 0) return null;
  return (
    <>
      <ul className={styles.list}>
        {data.map((link) => (
          <li key={link.id} className={styles.item}>
            <span className={styles.what}>
              <Status mark={MARKS[link.status]}>{words.status[link.status]}</Status>
              <span className={styles.when}>{whenOf(link)}</span>
              {link.failed_openings > 0 && (
                <span className={styles.failed}>
                  {words.failed(link.failed_openings, dayAndTime(link.last_failed_at ?? link.created_at))}
                </span>
              )}
            </span>
            {link.status === 'waiting' && (
              <Button
                small
                writes
                busy={withdraw.isPending && withdraw.variables === link.id}
                onClick={() => {
                  withdraw.mutate(link.id);
                }}
              >
                {words.withdraw}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {withdraw.isError && <Refusal problem={asProblem(withdraw.error)} />}
    </>
  );
}

function whenOf({ status, created_at, expires_at, opened_at, opened_ip }: HandOver): string {
  if (status === 'opened' && opened_at !== null) return words.openedAt(dayAndTime(opened_at), opened_ip);
  const made = words.madeAt(dayAndTime(created_at));
  return status === 'waiting' ? `${made}, ${words.expires(dayAndTime(expires_at))}` : made;
}
