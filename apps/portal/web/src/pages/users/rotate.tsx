import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Named } from '../../sentences/named.js';
import { Button } from '../../ui/button.js';
import { Note } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { dayAndTime } from '../../ui/time-format.js';
import { lasting } from '../../words/lasting.js';
import { usersWords } from '../../words/users.js';
import { ApiUserDialog } from './api-user-dialog.js';
import { nameOf } from './names.js';
import { quietness, QUIET_HOURS } from './quietness.js';
import styles from './rotate.module.css';
import { StatusDialog } from './status-dialog.js';
import { UsageChart } from './usage-chart.js';
import { Callers } from './user-usage.js';
import type { UsageInFull } from './usage-api.js';
import { usageOf } from './usage-api.js';
import { type User } from './users-api.js';
import { userQuery } from './users.queries.js';
import { useShowRotation } from './use-show-rotation.js';

const words = usersWords.rotate;
const POLL_MS = 5000;
const HOUR = 3_600_000;

/** Three steps, each of which can wait for days: a new one, switch over, retire the old one. */
export function Rotate({ user, onStored }: { readonly user: User; readonly onStored: (copied: boolean) => void }) {
  const [minting, setMinting] = useState(false);
  const [retiring, setRetiring] = useState(false);
  const show = useShowRotation();
  const newest = user.replaced_by?.at(-1);
  const successor = useQuery({ ...userQuery(newest ?? ''), enabled: newest !== undefined });
  const old = useWatchedUsage(user.id, newest !== undefined);
  const fresh = useWatchedUsage(newest, newest !== undefined);
  const [make, switchOver, retire] = words.steps;
  const isRetired = user.status === 'inactive';
  return (
    <section className={styles.rotate} aria-label={words.title}>
      <div className={styles.head}>
        <div>
          <h3>{words.title}</h3>
          <p className={styles.lead}>{words.lead}</p>
        </div>
        <Button
          small
          kind="quiet"
          onClick={() => {
            show(false);
          }}
        >
          {words.leave}
        </Button>
      </div>
      <ol className={styles.steps}>
        <Step number={1} title={make} done={newest !== undefined}>
          {newest === undefined ? (
            <Button
              kind="create"
              writes
              onClick={() => {
                setMinting(true);
              }}
            >
              {words.make}
            </Button>
          ) : (
            <p>
              <Named sentence={words.made} name={successor.data === undefined ? '…' : nameOf(successor.data)} />
            </p>
          )}
        </Step>
        <Step number={2} title={switchOver} done={isRetired}>
          {newest === undefined ? (
            <p className={styles.lead}>{words.needsNew}</p>
          ) : (
            <SwitchOver old={old} fresh={fresh} />
          )}
        </Step>
        <Step number={3} title={retire} done={isRetired}>
          {isRetired ? (
            <Status mark="off">{words.retired}</Status>
          ) : newest === undefined ? (
            <p className={styles.lead}>{words.needsNew}</p>
          ) : (
            <Retire
              usage={old}
              onRetire={() => {
                setRetiring(true);
              }}
            />
          )}
        </Step>
      </ol>
      {minting && (
        <ApiUserDialog
          replaces={user}
          onStored={onStored}
          onClose={() => {
            setMinting(false);
          }}
        />
      )}
      {retiring && (
        <StatusDialog
          users={[user]}
          to="inactive"
          onClose={() => {
            setRetiring(false);
          }}
        />
      )}
    </section>
  );
}

function useWatchedUsage(id: string | undefined, enabled: boolean): UsageInFull | undefined {
  return useQuery({
    queryKey: ['usage', 'watched', id],
    queryFn: ({ signal }) => usageOf(id ?? '', signal, true),
    enabled,
    refetchInterval: POLL_MS,
  }).data;
}

function Step({
  number,
  title,
  done,
  children,
}: {
  readonly number: number;
  readonly title: string;
  readonly done: boolean;
  readonly children: ReactNode;
}) {
  return (
    <li className={styles.step} data-done={done}>
      <span className={styles.number} aria-hidden>
        {done ? '✓' : number}
      </span>
      <div className={styles.content}>
        <h4>{title}</h4>
        {children}
      </div>
    </li>
  );
}

/** Both with their calls per hour, and where the old one is still called from. */
function SwitchOver({
  old,
  fresh,
}: {
  readonly old: UsageInFull | undefined;
  readonly fresh: UsageInFull | undefined;
}) {
  const [opened] = useState(Date.now);
  const sources = old?.callers.filter(({ last_at }) => Date.parse(last_at) > opened - QUIET_HOURS * HOUR) ?? [];
  return (
    <>
      <p className={styles.lead}>{words.switchOver}</p>
      {old !== undefined && <UsageChart hours={old.hours} span="hours" label={words.oldOne} />}
      {fresh !== undefined && <UsageChart hours={fresh.hours} span="hours" label={words.newOne} />}
      {sources.length > 0 && <Callers callers={sources} label={words.stillFrom} />}
    </>
  );
}

/** Green only after it was quiet for long enough. */
function Retire({ usage, onRetire }: { readonly usage: UsageInFull | undefined; readonly onRetire: () => void }) {
  if (usage === undefined) return null;
  const { isQuiet, since, lastingMs } = quietness(usage.last_used_at, usage.as_of);
  return (
    <>
      <Note tone={isQuiet ? 'green' : 'amber'}>
        {usage.as_of === null
          ? words.notKnown
          : since === undefined
            ? words.neverCalled
            : (isQuiet ? words.quiet : words.busy)(dayAndTime(since), lasting(lastingMs))}{' '}
        {!isQuiet && words.wait(QUIET_HOURS)}
      </Note>
      <div>
        <Button kind={isQuiet ? 'create' : 'plain'} writes onClick={onRetire}>
          {isQuiet ? words.retire : words.anyway}
        </Button>
      </div>
    </>
  );
}
