import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { asProblem } from '../../api/problem.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { TextArea } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { dayAndTime } from '../../ui/time-format.js';
import { usersWords } from '../../words/users.js';
import { EnforcementLine } from './enforcement-line.js';
import styles from './user-drawer.module.css';
import { addKey, keysOf, removeKey } from './users-api.js';

const words = usersWords.publicKeys;
const MAX_KEYS = 2;

const keysQuery = (apiUserId: string) =>
  queryOptions({ queryKey: ['keys', apiUserId], queryFn: ({ signal }) => keysOf(apiUserId, signal) });

/** The public keys by which an API user may sign in place of sending its password, with ways to add and remove one. */
export function UserKeys({ apiUserId }: { readonly apiUserId: string }) {
  const client = useQueryClient();
  const { data: keys } = useQuery(keysQuery(apiUserId));
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<string>();
  const [enforcedAt, setEnforcedAt] = useState<string | null>();
  const read = () => client.invalidateQueries({ queryKey: keysQuery(apiUserId).queryKey });
  const remove = useMutation({
    mutationFn: (kid: string) => removeKey(apiUserId, kid),
    onSuccess: (isConfirmed) => {
      announce(words.removed);
      setEnforcedAt(isConfirmed ? undefined : null);
    },
    onSettled: async () => {
      await read();
      setRemoving(undefined);
    },
  });
  if (keys === undefined) return null;
  return (
    <section className={styles.section} aria-label={words.title}>
      <h3 className={styles.title}>{words.title}</h3>
      <p className={styles.note}>{keys.length === 0 ? words.none : words.lead}</p>
      {keys.length > 0 && (
        <ul className={styles.keys}>
          {keys.map(({ kid, alg, added_at: addedAt }) => (
            <li key={kid} className={styles.key}>
              <span className={styles.what}>
                <code>{kid}</code>
                <span className={styles.note}>{words.facts(alg, dayAndTime(addedAt))}</span>
              </span>
              {removing === kid ? (
                <span className={styles.actions}>
                  <Button
                    small
                    onClick={() => {
                      setRemoving(undefined);
                    }}
                  >
                    {words.keep}
                  </Button>
                  <Button
                    small
                    kind="danger"
                    writes
                    busy={remove.isPending}
                    onClick={() => {
                      remove.mutate(kid);
                    }}
                  >
                    {words.removeNow}
                  </Button>
                </span>
              ) : (
                <Button
                  small
                  aria-label={words.removeWhich(kid)}
                  onClick={() => {
                    setRemoving(kid);
                  }}
                >
                  {words.remove}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      <EnforcementLine enforcedAt={enforcedAt} />
      {remove.isError && <Refusal problem={asProblem(remove.error)} />}
      {adding ? (
        <AddKey
          apiUserId={apiUserId}
          onDone={async (since) => {
            setEnforcedAt(since);
            if (since !== undefined) await read();
            setAdding(false);
          }}
        />
      ) : (
        keys.length < MAX_KEYS && (
          <div>
            <Button
              small
              onClick={() => {
                setAdding(true);
              }}
            >
              {words.add}
            </Button>
          </div>
        )
      )}
    </section>
  );
}

function AddKey({
  apiUserId,
  onDone,
}: {
  readonly apiUserId: string;
  /** With since when it is in force, or null while that is not confirmed, where a key was added. */
  readonly onDone: (enforcedAt?: string | null) => void | Promise<void>;
}) {
  const form = useRef<HTMLFormElement>(null);
  const [text, setText] = useState('');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    const { enforced_at: enforcedAt } = await addKey(apiUserId, text);
    announce(words.added);
    await onDone(enforcedAt);
  });
  return (
    <Form ref={form} className={styles.section} onSend={send}>
      <TextArea
        label={words.publicKey}
        hint={words.hint}
        error={errorOf('public_key')}
        rows={6}
        spellCheck={false}
        autoComplete="off"
        autoFocus
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          changed('public_key');
        }}
      />
      <Refusal problem={problem} />
      <div className={styles.actions}>
        <Button small onClick={() => void onDone()}>
          {usersWords.cancel}
        </Button>
        <Button small kind="create" type="submit" busy={busy} writes>
          {words.register}
        </Button>
      </div>
    </Form>
  );
}
