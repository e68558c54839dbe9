import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../../api/client.js';
import { asProblem, type Problem } from '../../api/problem.js';
import type { components } from '../../api/schema.js';
import { signOut } from '../../app/sign-out.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Page } from '../../ui/page.js';
import { Loading, LoadError, Refreshing, Refusal } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import table from '../../ui/table.module.css';
import { Time } from '../../ui/time.js';
import { sessionsWords as words } from '../../words/sessions.js';
import { deviceOf } from './device.js';
import styles from './sessions.module.css';

type Session = components['schemas']['Sessions']['items'][number];

const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/sessions', { signal })),
});

/** One's own sessions, each to be ended. */
export function SessionsPage() {
  const sessions = useQuery(sessionsQuery);
  const client = useQueryClient();
  const [ending, setEnding] = useState<string>();
  const [problem, setProblem] = useState<Problem>();

  async function end({ id, user_agent, current }: Session) {
    setEnding(id);
    setProblem(undefined);
    try {
      if (current) {
        await signOut();
        return;
      }
      await answer(api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } }));
      announce(words.ended(deviceOf(user_agent, words.unknown)));
      await client.invalidateQueries(sessionsQuery);
    } catch (thrown) {
      setProblem(asProblem(thrown));
    } finally {
      setEnding(undefined);
    }
  }

  return (
    <Page title={words.title} lead={words.lead} aside={<Link to="/recovery-codes">{words.recoveryCodes}</Link>}>
      <div>
        <Refusal problem={problem} />
        {sessions.isError && (
          <LoadError
            what={words.list}
            problem={asProblem(sessions.error)}
            asOf={sessions.data?.as_of}
            onRetry={() => void sessions.refetch()}
          />
        )}
        <Refreshing active={sessions.isFetching && sessions.data !== undefined} />
        {sessions.isPending ? (
          <Loading rows={2} />
        ) : (
          sessions.data !== undefined && (
            <SessionTable sessions={sessions.data.items} ending={ending} onEnd={(session) => void end(session)} />
          )
        )}
      </div>
    </Page>
  );
}

function SessionTable({
  sessions,
  ending,
  onEnd,
}: {
  sessions: readonly Session[];
  ending: string | undefined;
  onEnd: (session: Session) => void;
}) {
  const { columns } = words;
  return (
    <table className={table.table}>
      <thead>
        <tr>
          <th scope="col">{columns.where}</th>
          <th scope="col">{columns.seen}</th>
          <th scope="col">{columns.began}</th>
          <th scope="col">{columns.ends}</th>
          <th scope="col">
            <span className="visually-hidden">{columns.actions}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {sessions.map((session) => {
          const where = deviceOf(session.user_agent, words.unknown);
          return (
            <tr key={session.id}>
              <td className={table.first}>
                <span title={session.user_agent}>{where}</span>
                {session.current && (
                  <span className={styles.current}>
                    <Status mark="in-force">{words.current}</Status>
                  </span>
                )}
                <span className={styles.ip}>{words.from(session.ip)}</span>
              </td>
              <td data-label={columns.seen}>
                <Time at={session.last_seen_at} as="relative" />
              </td>
              <td data-label={columns.began}>
                <Time at={session.created_at} />
              </td>
              <td data-label={columns.ends}>
                <Time at={session.idle_ends_at < session.ends_at ? session.idle_ends_at : session.ends_at} />
              </td>
              <td className={table.actions}>
                <Button
                  small
                  writes
                  busy={ending === session.id}
                  aria-label={session.current ? words.signOut : words.endOf(where)}
                  onClick={() => {
                    onEnd(session);
                  }}
                >
                  {session.current ? words.signOut : words.end}
                </Button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
