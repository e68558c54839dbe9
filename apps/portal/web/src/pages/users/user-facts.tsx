import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { CopyButton } from '../../ui/copy.js';
import { ProofLine } from '../../ui/status.js';
import { Time } from '../../ui/time.js';
import { clockMs, dayAndTime } from '../../ui/time-format.js';
import { usersWords } from '../../words/users.js';
import { middleCut } from './middle-cut.js';
import { nameOf } from './names.js';
import styles from './user-drawer.module.css';
import { UserStatus } from './user-status.js';
import type { User } from './users-api.js';
import { userQuery } from './users.queries.js';

const words = usersWords.drawer;

/** What is known of a user, apart from its calls. */
export function UserFacts({ user }: { readonly user: User }) {
  const { username, email, role, owner, created_at, invite, second_factor, replaces, replaced_by = [] } = user;
  return (
    <section aria-label={words.facts}>
      <dl className={styles.facts}>
        <Fact name={words.status}>
          <UserStatus user={user} />
          {user.type === 'api' && typeof user.enforced_at === 'string' && (
            <ProofLine
              mark={user.status === 'active' ? 'in-force' : 'off'}
              parts={[words.inForceSince(dayAndTime(user.enforced_at), clockMs(user.enforced_at))]}
            />
          )}
        </Fact>
        {username !== undefined && (
          <Fact name={words.username}>
            <span className={styles.username}>
              <code translate="no">{username}</code>
              <CopyButton kind="quiet" icon small text={() => username} label={usersWords.copyUsername} />
            </span>
          </Fact>
        )}
        {email !== undefined && <Fact name={words.email}>{email}</Fact>}
        <Fact name={words.role}>{owner ? usersWords.ownerRole : <bdi>{role?.name}</bdi>}</Fact>
        <Fact name={words.created}>
          <Time at={created_at} />
        </Fact>
        {invite !== null && invite !== undefined && (
          <Fact name={words.invite}>
            {(invite.expired ? words.inviteWasUntil : words.inviteUntil)(dayAndTime(invite.expires_at))}
          </Fact>
        )}
        {second_factor !== undefined && (
          <Fact name={words.secondFactor}>{second_factor ? words.enrolled : words.notEnrolled}</Fact>
        )}
        {typeof replaces === 'string' && (
          <Fact name={words.replaces}>
            <Other id={replaces} />
          </Fact>
        )}
        {replaced_by.length > 0 && (
          <Fact name={words.replacedBy}>
            {replaced_by.map((id) => (
              <div key={id}>
                <Other id={id} />
              </div>
            ))}
          </Fact>
        )}
      </dl>
    </section>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div className={styles.fact}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** Another API user by its name, as a link to its details. */
function Other({ id }: { readonly id: string }) {
  const { data } = useQuery(userQuery(id));
  return (
    <Link
      from="/users"
      to="/users"
      search={(before) => ({ ...before, user: id, rotate: undefined })}
      resetScroll={false}
    >
      {data === undefined ? <code>{middleCut(id)}</code> : <bdi>{nameOf(data)}</bdi>}
    </Link>
  );
}
