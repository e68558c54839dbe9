import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChevronDown, ChevronUp } from 'lucide-react';
import type { ReactNode } from 'react';
import { answer, api } from '../../api/client.js';
import { may } from '../../api/me.js';
import { asProblem } from '../../api/problem.js';
import { useMe } from '../../api/use-me.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { Dialog } from '../../ui/dialog.js';
import { Loading, LoadError } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { fromNow, inFull, offsetName } from '../../ui/time-format.js';
import { activityWords, typeName } from '../../words/activity.js';
import styles from './entry-drawer.module.css';
import { EntrySentence } from '../../sentences/entry-sentence.js';
import type { Entry } from './use-activity.js';
import { UserName } from '../../sentences/user-name.js';
import { localTime } from './zoned-time.js';

const words = activityWords.drawer;
const MARKS = { success: 'in-force', refused: 'refused', failed: 'not-confirmed' } as const;

/** One entry in full. The arrows walk through the list that it is part of. */
export function EntryDrawer({
  id,
  entries,
  zone,
  onWalk,
  onClose,
}: {
  id: string;
  entries: readonly Entry[];
  zone: string;
  onWalk: (id: string) => void;
  onClose: () => void;
}) {
  const index = entries.findIndex((entry) => entry.id === id);
  const listed = entries[index];
  const alone = useQuery({
    queryKey: ['activity-entry', id],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/activity/{id}', { params: { path: { id } }, signal })),
    enabled: listed === undefined,
    staleTime: Infinity,
  });
  const entry = listed ?? alone.data;
  const newer = index > 0 ? entries[index - 1] : undefined;
  const older = index >= 0 ? entries[index + 1] : undefined;
  const walk = (to: Entry | undefined) => {
    if (to !== undefined) onWalk(to.id);
  };
  return (
    <Dialog open kind="drawer" onClose={onClose} title={entry === undefined ? words.title : typeName(entry.event_type)}>
      <div
        className={styles.entry}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
          event.preventDefault();
          walk(event.key === 'ArrowUp' ? newer : older);
        }}
      >
        <div className={styles.walk}>
          <Button
            small
            kind="quiet"
            aria-disabled={newer === undefined}
            onClick={() => {
              walk(newer);
            }}
          >
            <ChevronUp size={14} aria-hidden />
            {words.previous}
          </Button>
          <Button
            small
            kind="quiet"
            aria-disabled={older === undefined}
            onClick={() => {
              walk(older);
            }}
          >
            <ChevronDown size={14} aria-hidden />
            {words.next}
          </Button>
        </div>
        {entry !== undefined ? (
          <EntryFacts entry={entry} zone={zone} />
        ) : alone.error !== null ? (
          <LoadError problem={asProblem(alone.error)} what={words.what} onRetry={() => void alone.refetch()} />
        ) : (
          <Loading rows={8} dense />
        )}
      </div>
    </Dialog>
  );
}

function EntryFacts({ entry, zone }: { entry: Entry; zone: string }) {
  const { metadata, outcome } = entry;
  const maySeeUsers = may(useMe(), 'can_add_users');
  const actorId = text(metadata['actor_id']);
  const json = JSON.stringify(entry, null, 2);
  return (
    <>
      <p className={styles.sentence}>
        <EntrySentence entry={entry} />
      </p>
      <dl className={styles.facts}>
        <Fact name={words.outcome}>
          <Status mark={MARKS[outcome]}>{activityWords.outcomes[outcome]}</Status>
        </Fact>
        <Fact name={words.when}>
          <time dateTime={entry.occurred_at} title={inFull(entry.occurred_at, zone)}>
            {localTime(entry.occurred_at, zone)} {offsetName(entry.occurred_at, zone)}
          </time>
          <span className={styles.second}>
            {fromNow(entry.occurred_at)} · <code>{entry.occurred_at}</code>
          </span>
        </Fact>
        {(actorId !== undefined || metadata['actor'] !== undefined) && (
          <Fact name={words.who}>
            {actorId !== undefined ? (
              <Link from="/activity" search={({ entry: _, ...search }) => ({ ...search, actor: actorId })}>
                <UserName id={actorId} />
              </Link>
            ) : metadata['actor'] === 'operator' ? (
              words.operator
            ) : (
              words.anonymous
            )}
          </Fact>
        )}
        {entry.user_id !== null && (
          <Fact name={words.about}>
            {maySeeUsers ? (
              <Link to="/users" search={{ user: entry.user_id }}>
                <UserName id={entry.user_id} />
              </Link>
            ) : (
              <UserName id={entry.user_id} />
            )}
            <code className={styles.second}>{entry.user_id}</code>
          </Fact>
        )}
        {text(metadata['ip']) !== undefined && (
          <Fact name={words.from}>
            <code>{text(metadata['ip'])}</code>
            <span className={styles.second}>
              <bdi>{text(metadata['user_agent'])}</bdi>
            </span>
          </Fact>
        )}
        <Fact name={words.correlation}>
          <span className={styles.copied}>
            <code>{entry.correlation_id}</code>
            <CopyButton text={() => entry.correlation_id} label={words.copyCorrelation} kind="quiet" icon small />
          </span>
          <Link
            className={styles.second}
            to="/activity"
            search={({ tz }) => ({
              range: 'all' as const,
              correlation: entry.correlation_id,
              ...(tz !== undefined && { tz }),
            })}
          >
            {words.allWithIt}
          </Link>
        </Fact>
        <Fact name={words.id}>
          <span className={styles.copied}>
            <code>{entry.id}</code>
            <CopyButton text={() => entry.id} label={words.copyId} kind="quiet" icon small />
          </span>
        </Fact>
      </dl>
      <div className={styles.jsonHead}>
        <h3>{words.json}</h3>
        <CopyButton text={() => json} label={words.copyJson} kind="quiet" icon small />
      </div>
      <pre className={styles.json} tabIndex={0} aria-label={words.json}>
        {json}
      </pre>
    </>
  );
}

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className={styles.fact}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
