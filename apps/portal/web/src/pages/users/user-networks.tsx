import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';
import { EnforcementLine } from './enforcement-line.js';
import { NetworkFields } from './network-fields.js';
import { asSent, asTyped, NETWORK_LISTS, shown } from './networks.js';
import styles from './user-drawer.module.css';
import { setNetworks, type ApiUserNetworks } from './users-api.js';
import { networksQuery } from './users.queries.js';

const words = usersWords.networks;

/** From where alone an API user may authenticate, and use its tokens, with a way to change it. */
export function UserNetworks({ apiUserId }: { readonly apiUserId: string }) {
  const { data: networks } = useQuery(networksQuery(apiUserId));
  const [changing, setChanging] = useState(false);
  const [enforcedAt, setEnforcedAt] = useState<string | null>();
  if (networks === undefined) return null;
  const isConfined = NETWORK_LISTS.some((list) => networks[list].length > 0);
  return (
    <section className={styles.section} aria-label={words.title}>
      <h3 className={styles.title}>{words.title}</h3>
      {changing ? (
        <ChangeNetworks
          apiUserId={apiUserId}
          networks={networks}
          onDone={(since) => {
            setEnforcedAt(since);
            setChanging(false);
          }}
        />
      ) : (
        <>
          {isConfined ? (
            <dl className={styles.facts}>
              {NETWORK_LISTS.map((list) => (
                <div key={list} className={styles.fact}>
                  <dt>{words.names[list]}</dt>
                  <dd>{networks[list].length === 0 ? words.anywhere : <Places networks={networks[list]} />}</dd>
                </div>
              ))}
            </dl>
          ) : (
            <p className={styles.note}>{words.none}</p>
          )}
          <EnforcementLine enforcedAt={enforcedAt} />
          <div>
            <Button
              small
              onClick={() => {
                setChanging(true);
              }}
            >
              {isConfined ? words.change : words.confine}
            </Button>
          </div>
        </>
      )}
    </section>
  );
}

function Places({ networks }: { readonly networks: readonly string[] }) {
  return (
    <ul className={styles.places}>
      {networks.map((network) => (
        <li key={network}>
          <code translate="no">{shown(network)}</code>
        </li>
      ))}
    </ul>
  );
}

function ChangeNetworks({
  apiUserId,
  networks,
  onDone,
}: {
  readonly apiUserId: string;
  readonly networks: ApiUserNetworks;
  /** With since when it is in force, or null while that is not confirmed, where anything was saved. */
  readonly onDone: (enforcedAt?: string | null) => void;
}) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const [typed, setTyped] = useState(asTyped(networks));
  const submit = useSubmit(form, async () => {
    const saved = await setNetworks(apiUserId, asSent(typed));
    client.setQueryData(networksQuery(apiUserId).queryKey, saved);
    announce(words.changed);
    onDone(saved.enforced_at);
  });
  return (
    <Form ref={form} className={styles.section} onSend={submit.send}>
      <NetworkFields autoFocus value={typed} submit={submit} onValue={setTyped} />
      <p className={styles.note}>{words.tokensOut}</p>
      <Refusal problem={submit.problem} />
      <div className={styles.actions}>
        <Button
          small
          onClick={() => {
            onDone();
          }}
        >
          {usersWords.cancel}
        </Button>
        <Button small kind="create" type="submit" busy={submit.busy} writes>
          {words.save}
        </Button>
      </div>
    </Form>
  );
}
