import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useId, useRef, useState } from 'react';
import { OneTimeDialog } from '../../credentials/one-time-dialog.js';
import { mustBeGuarded } from '../../credentials/mint.js';
import { useHold } from '../../credentials/use-leave-guard.js';
import { useMint } from '../../credentials/use-mint.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';
import styles from './forms.module.css';
import { LostMint } from './lost-mint.js';
import { NetworkFields } from './network-fields.js';
import { ANYWHERE, asSent, asTyped, errorIn, NETWORK_LISTS, type TypedNetworks } from './networks.js';
import { RoleField } from './role-field.js';
import { setStatus, userOf, type User } from './users-api.js';
import { addUser, keepUser, networksQuery, userQuery } from './users.queries.js';

const words = usersWords.apiUser;
const POLL_MS = 1000;
const LOOK_MS = 10_000;

/** Mints an API user: role, label and networks, then its credentials, once. Also the way out when the answer got lost. */
export function ApiUserDialog({
  replaces,
  onClose,
  onStored,
}: {
  /** The one that the new one takes over from: the role is the same, and so are its networks unless they are changed here. */
  readonly replaces?: User;
  readonly onClose: () => void;
  readonly onStored: (copied: boolean) => void;
}) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const [role, setRole] = useState(replaces?.role?.id ?? '');
  const [label, setLabel] = useState(replaces?.label ?? '');
  const [typed, setTyped] = useState<TypedNetworks>();
  const ofReplaced = { ...networksQuery(replaces?.id ?? ''), enabled: replaces !== undefined };
  const { data: kept } = useQuery(ofReplaced);
  const networks = typed ?? (kept === undefined ? ANYWHERE : asTyped(kept));
  const mint = useMint(async (orphan) => {
    await setStatus(orphan, 'inactive');
    keepUser(client, await userOf(orphan, AbortSignal.timeout(LOOK_MS)));
  });
  const { state, secret } = mint;
  useHold(state.at !== 'shown' && mustBeGuarded(state));
  const submit = useSubmit(form, async () => {
    // Not from anywhere only because the answer was slow.
    const of =
      typed ??
      (replaces === undefined ? ANYWHERE : asTyped(await client.query({ ...ofReplaced, staleTime: 'static' })));
    await mint.ask({
      role_id: role,
      ...(label.trim() !== '' && { label: label.trim() }),
      ...(replaces !== undefined && { replaces: replaces.id }),
      ...asSent(of),
    });
  });
  // What is set is seen, and so is what is wrong with it.
  const [opened, setOpened] = useState<boolean>();
  const isAtFault = NETWORK_LISTS.some((list) => errorIn(submit.errorOf, list, networks[list]) !== undefined);
  const isConfined = NETWORK_LISTS.some((list) => networks[list] !== '');
  const showsNetworks = isAtFault || (opened ?? isConfined);

  // Shown in the list at once, and watched until /authorize accepts it.
  const minted = state.at === 'shown' || state.at === 'orphan' ? state.minted.id : undefined;
  const onAccepted = useEffectEvent(() => {
    mint.enforced();
  });
  useEffect(() => {
    if (minted === undefined) return undefined;
    const gone = new AbortController();
    const look = async (): Promise<void> => {
      const user = await userOf(minted, gone.signal, true).catch(() => undefined);
      if (gone.signal.aborted) return;
      if (user !== undefined) {
        addUser(client, user);
        if (typeof user.replaces === 'string') void client.invalidateQueries(userQuery(user.replaces));
      }
      if (typeof user?.enforced_at === 'string') onAccepted();
      else timer = setTimeout(() => void look(), POLL_MS);
    };
    let timer = setTimeout(() => void look());
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [client, minted]);

  if (state.at === 'shown' && secret !== undefined) {
    return (
      <OneTimeDialog
        minted={state.minted}
        secret={secret}
        onDone={(copied) => {
          mint.stored();
          onStored(copied);
          onClose();
        }}
        onDiscard={() => {
          mint.close();
          onClose();
        }}
      />
    );
  }
  if (state.at === 'lost' || state.at === 'orphan' || state.at === 'voiding') {
    return <LostMint mint={mint} onClose={onClose} />;
  }
  const isMinting = state.at === 'minting';
  return (
    <Dialog
      open
      title={words.title}
      description={words.lead}
      noClose={isMinting}
      onClose={() => {
        // The answer brings a password that cannot be had again.
        if (!isMinting) onClose();
      }}
      actions={
        <>
          <Button aria-disabled={isMinting} onClick={onClose}>
            {usersWords.cancel}
          </Button>
          <Button kind="create" type="submit" form={id} busy={isMinting} writes>
            {isMinting ? words.creating : words.create}
          </Button>
        </>
      }
    >
      <Form id={id} ref={form} className={styles.form} onSend={submit.send}>
        {replaces === undefined ? (
          <RoleField
            value={role}
            error={submit.errorOf('role_id')}
            onValue={(next) => {
              setRole(next);
              submit.changed('role_id');
            }}
          />
        ) : (
          <TextField label={words.role} value={replaces.role?.name ?? ''} error={submit.errorOf('role_id')} readOnly />
        )}
        <TextField
          name="label"
          label={words.label}
          hint={words.labelHint}
          value={label}
          error={submit.errorOf('label')}
          maxLength={100}
          autoComplete="off"
          dir="auto"
          onChange={({ target }) => {
            setLabel(target.value);
            submit.changed('label');
          }}
        />
        <details className={styles.optional} open={showsNetworks}>
          <summary
            onClick={(event) => {
              event.preventDefault();
              setOpened(!showsNetworks);
            }}
          >
            {usersWords.networks.optional}
          </summary>
          <div className={styles.form}>
            <NetworkFields value={networks} submit={submit} onValue={setTyped} />
          </div>
        </details>
        <Refusal problem={submit.problem} />
      </Form>
    </Dialog>
  );
}
