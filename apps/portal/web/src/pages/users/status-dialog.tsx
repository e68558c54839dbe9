import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Named } from '../../sentences/named.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { Refusal } from '../../ui/states.js';
import { ProofLine } from '../../ui/status.js';
import { clockMs, dayAndTime } from '../../ui/time-format.js';
import { lasting, took } from '../../words/lasting.js';
import { usersWords } from '../../words/users.js';
import { nameOf } from './names.js';
import styles from './status-dialog.module.css';
import type { Usage } from './usage-api.js';
import type { User } from './users-api.js';
import { usagesQuery } from './users.queries.js';
import { useStatusChanges, type Change } from './use-status-changes.js';
import type { Usages } from './use-usages.js';
import { useViewer } from './use-viewer.js';

const words = usersWords.change;

/**
 * Switches one user off or on, or many off: says before what stays valid and till when, and shows after, in the same
 * dialog, the moment it came into force.
 */
export function StatusDialog({
  users,
  to,
  usages,
  onClose,
}: {
  readonly users: readonly User[];
  readonly to: 'active' | 'inactive';
  readonly usages?: Usages | undefined;
  readonly onClose: () => void;
}) {
  const viewer = useViewer();
  const cancel = useRef<HTMLButtonElement>(null);
  const { changes, run } = useStatusChanges(users, to);
  const apiUsers = users.filter(({ type }) => type === 'api').map(({ id }) => id);
  const usage = useQuery({ ...usagesQuery(apiUsers), enabled: viewer.owner && apiUsers.length > 0, staleTime: 0 });
  const usageOf = (id: string) => usage.data?.items.find((one) => one.id === id) ?? usages?.of(id);

  const [only] = users;
  if (only === undefined) return null;
  const isAsked = changes.size > 0;
  const isBusy = [...changes.values()].some(({ at }) => at === 'saving' || at === 'waiting');
  const failed = users.filter(({ id }) => changes.get(id)?.at === 'failed');
  const isOff = to === 'inactive';
  const isSaved = isAsked && !isBusy && failed.length === 0;
  return (
    <Dialog
      open
      kind="alert"
      noClose
      onClose={() => {
        if (!isBusy) onClose();
      }}
      title={titleOf(users, isOff, isSaved)}
      description={consequence(only, isOff)}
      initialFocus={cancel}
      actions={
        <>
          <Button ref={cancel} onClick={onClose} aria-disabled={isBusy}>
            {isAsked ? usersWords.close : usersWords.cancel}
          </Button>
          {(!isAsked || failed.length > 0) && (
            <Button
              kind={isOff ? 'danger' : 'create'}
              busy={isBusy}
              writes
              onClick={() => void run(isAsked ? failed : users)}
            >
              {isOff ? words.deactivate : words.reactivate}
            </Button>
          )}
        </>
      }
    >
      <ul className={styles.users}>
        {users.map((user) => (
          <li key={user.id} className={styles.user}>
            {users.length > 1 && (
              <p className={styles.name}>
                <bdi>{nameOf(user)}</bdi>
              </p>
            )}
            {user.type === 'api' && isOff && !isAsked && (
              <Before usage={usageOf(user.id)} isLoading={usage.isFetching} />
            )}
            <After change={changes.get(user.id)} user={user} isOff={isOff} usage={usageOf(user.id)} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function titleOf(users: readonly User[], isOff: boolean, isSaved: boolean): ReactNode {
  const [only] = users;
  if (users.length > 1) return (isSaved ? words.deactivatedMany : words.deactivateMany)(users.length);
  const name = only === undefined ? '' : nameOf(only);
  const sentence = isSaved
    ? isOff
      ? words.deactivated
      : words.reactivated
    : isOff
      ? words.deactivateTitle
      : words.reactivateTitle;
  return <Named sentence={sentence} name={name} />;
}

function consequence({ type }: User, isOff: boolean): string {
  if (type === 'api') return isOff ? words.refusedAtOnce : words.apiOn;
  return isOff ? words.personOff : words.personOn;
}

/** Which tokens stay valid and till when, and when it was last called: before anything is changed. */
function Before({ usage, isLoading }: { readonly usage: Usage | undefined; readonly isLoading: boolean }) {
  const [now] = useState(Date.now);
  if (usage === undefined) return <p className={styles.fact}>{isLoading ? words.looking : words.tokensUnknown}</p>;
  const { live_tokens, last_expiry, last_used_at, last_used_ip } = usage;
  return (
    <>
      <p className={styles.fact}>
        {live_tokens === 0 || last_expiry === null
          ? words.noTokens
          : words.tokens(live_tokens, dayAndTime(last_expiry))}
      </p>
      <p className={styles.fact}>
        {last_used_at === null
          ? words.neverCalled
          : words.lastCall(dayAndTime(last_used_at), lasting(now - Date.parse(last_used_at)), last_used_ip)}
      </p>
    </>
  );
}

function After({
  change,
  user,
  isOff,
  usage,
}: {
  readonly change: Change | undefined;
  readonly user: User;
  readonly isOff: boolean;
  readonly usage: Usage | undefined;
}) {
  if (change === undefined || change.at === 'waiting') return null;
  switch (change.at) {
    case 'saving':
      return user.type === 'api' ? <Saving since={change.since} /> : null;
    case 'unconfirmed':
      return <ProofLine mark="not-confirmed" parts={[words.notConfirmed(isOff), ...entryOf(change.answer.position)]} />;
    case 'in-force': {
      const since = clockMs(change.enforcedAt);
      const inForce = user.type === 'api' ? words.inForce(since, took(change.after)) : words.personDone(since);
      return (
        <ProofLine
          mark="in-force"
          parts={[inForce, ...(isOff ? tokensOf(change.answer, usage) : []), ...entryOf(change.answer.position)]}
        />
      );
    }
    case 'failed':
      return <Refusal problem={change.problem} />;
  }
}

const entryOf = (position: string | undefined): string[] => (position === undefined ? [] : [words.entry(position)]);

/** As the answer says; where it could not, as was known before. */
function tokensOf(
  { live_tokens, last_expiry }: { readonly live_tokens?: number | null; readonly last_expiry?: string | null },
  usage: Usage | undefined,
): string[] {
  const count = live_tokens ?? usage?.live_tokens ?? 0;
  const until = last_expiry ?? usage?.last_expiry ?? null;
  return count === 0 || until === null ? [] : [words.tokensShort(count, dayAndTime(until))];
}

/** Counts on while it waits; those who hear the page are spared the seconds. */
function Saving({ since }: { readonly since: number }) {
  const [now, setNow] = useState(since);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(performance.now());
    }, 100);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const [saved, seconds] = words.saving(`${((now - since) / 1000).toFixed(1)} s`);
  return (
    <ProofLine
      mark="not-confirmed"
      parts={[
        <span key="saving">
          {saved} <span aria-hidden>{seconds}</span>
        </span>,
      ]}
    />
  );
}
