import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Status } from '../../ui/status.js';
import { usersWords as words } from '../../words/users.js';
import { userOf, type User } from './users-api.js';
import { keepUser } from './users.queries.js';
import styles from './users-table.module.css';

const POLL_MS = 1000;

/** `● Active`, `○ Inactive`, `○ Leaked`; `◐ Not confirmed` until the token service decides by it, watched while it is shown. */
export function UserStatus({ user }: { readonly user: User }) {
  const isOpen = user.type === 'api' && user.enforced_at === null;
  useEnforcement(user, isOpen);
  const word = user.status === 'active' ? words.active : user.leaked === true ? words.leaked : words.inactive;
  if (isOpen) {
    return (
      <>
        <Status mark="not-confirmed">{word}</Status>
        <div className={styles.unconfirmed}>{words.notConfirmed}</div>
      </>
    );
  }
  const { invite } = user;
  return (
    <>
      <Status mark={user.status === 'active' ? 'in-force' : 'off'}>{word}</Status>
      {user.leaked === true && <div className={styles.second}>{words.leakedNote}</div>}
      {invite !== null && invite !== undefined && (
        <Invite expired={invite.expired} refused={invite.delivery === 'failed'} />
      )}
    </>
  );
}

function Invite({ expired, refused }: { readonly expired: boolean; readonly refused: boolean }) {
  if (!expired && !refused) return <div className={styles.second}>{words.invited}</div>;
  return <div className={styles.unconfirmed}>{refused ? words.inviteRefused : words.inviteExpired}</div>;
}

/** Asks until the status is in force, then shows it wherever the user stands. */
function useEnforcement({ id }: User, isOpen: boolean): void {
  const client = useQueryClient();
  const { data } = useQuery({
    queryKey: ['users', 'enforcement', id],
    queryFn: ({ signal }) => userOf(id, signal, true),
    enabled: isOpen,
    refetchInterval: POLL_MS,
    gcTime: 0,
  });
  useEffect(() => {
    if (isOpen && data !== undefined && data.enforced_at !== null) keepUser(client, data);
  }, [client, data, isOpen]);
}
