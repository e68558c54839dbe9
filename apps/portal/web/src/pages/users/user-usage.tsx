import { useQuery } from '@tanstack/react-query';
import { asProblem } from '../../api/problem.js';
import { Loading, LoadError } from '../../ui/states.js';
import { Time } from '../../ui/time.js';
import { dayAndTime } from '../../ui/time-format.js';
import { grouped } from '../../words/lasting.js';
import { usersWords } from '../../words/users.js';
import { UsageChart } from './usage-chart.js';
import styles from './user-drawer.module.css';
import type { Caller } from './usage-api.js';
import { usageQuery } from './users.queries.js';

const words = usersWords.drawer;

/** The calls of an API user: last ones, 30 days of them, and where they came from. */
export function UserUsage({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery(usageQuery(id));
  return (
    <section className={styles.section} aria-label={words.usage}>
      {error !== null && (
        <LoadError
          problem={asProblem(error)}
          what={words.whatUsage}
          asOf={data?.as_of ?? undefined}
          onRetry={() => void refetch()}
        />
      )}
      {data === undefined && error === null && <Loading rows={3} dense />}
      {data !== undefined && (
        <>
          <dl className={styles.facts}>
            <div className={styles.fact}>
              <dt>{words.lastUsed}</dt>
              <dd>
                <When at={data.last_used_at} ip={data.last_used_ip} />
              </dd>
            </div>
            <div className={styles.fact}>
              <dt>{words.lastRefused}</dt>
              <dd>
                <When at={data.last_refused_at} ip={data.last_refused_ip} />
              </dd>
            </div>
            <div className={styles.fact}>
              <dt>{words.tokens}</dt>
              <dd>
                {data.live_tokens === 0 || data.last_expiry === null
                  ? words.none
                  : words.tokensUntil(data.live_tokens, dayAndTime(data.last_expiry))}
              </dd>
            </div>
          </dl>
          {data.hours.length === 0 ? (
            <p className={styles.faint}>{words.noCalls}</p>
          ) : (
            <UsageChart hours={data.hours} span="days" label={words.usage} />
          )}
          {data.callers.length > 0 && <Callers callers={data.callers} />}
        </>
      )}
    </section>
  );
}

function When({ at, ip }: { readonly at: string | null; readonly ip: string | null }) {
  if (at === null) return usersWords.never;
  return (
    <>
      <Time at={at} as="relative" />, <Time at={at} />{' '}
      {ip !== null && <span className={styles.faint}>{usersWords.from(ip)}</span>}
    </>
  );
}

export function Callers({
  callers,
  label = words.callers,
}: {
  readonly callers: readonly Caller[];
  readonly label?: string;
}) {
  return (
    <div className={styles.scroll} role="region" tabIndex={0} aria-label={label}>
      <table className={styles.callers}>
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{words.address}</th>
            <th scope="col">{words.agent}</th>
            <th scope="col">{words.calls}</th>
            <th scope="col">{words.refused}</th>
            <th scope="col">{words.last}</th>
          </tr>
        </thead>
        <tbody>
          {callers.map(({ ip, user_agent, calls, refused, last_at }) => (
            <tr key={`${ip} ${user_agent}`}>
              <th scope="row">
                <code>{ip}</code>
              </th>
              <td className={styles.agent} title={user_agent}>
                <bdi>{user_agent}</bdi>
              </td>
              <td className={styles.number}>{grouped(calls)}</td>
              <td className={styles.number}>{grouped(refused)}</td>
              <td>
                <Time at={last_at} as="relative" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
