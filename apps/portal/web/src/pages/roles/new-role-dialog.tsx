import { useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { rolesWords } from '../../words/roles.js';
import { FlagList } from './flag-list.js';
import { flagsOf, rolesQuery, type Role } from './roles.data.js';
import styles from './roles.module.css';

const words = rolesWords.create;

/** A role of one's own, from nothing or from another one. */
export function NewRoleDialog({
  from,
  onClose,
  onMade,
}: {
  from: Role | undefined;
  onClose: () => void;
  onMade: (role: Role) => void;
}) {
  const client = useQueryClient();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const nameInput = useRef<HTMLInputElement>(null);
  const [name, setName] = useState('');
  const [flags, setFlags] = useState(flagsOf(from));
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    const body = { name, permissions: flags, ...(from !== undefined && { copy_of: from.id }) };
    const role = await answer(api.POST('/api/v1/roles', { body }));
    await client.invalidateQueries(rolesQuery);
    announce(words.made(role.name));
    onMade(role);
  });

  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={from === undefined ? words.title : <Named sentence={words.copied} name={from.name} />}
      initialFocus={nameInput}
      actions={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" form={id} kind="create" busy={busy} writes>
            {words.create}
          </Button>
        </>
      }
    >
      <Form id={id} ref={form} className={styles.form} onSend={send}>
        <TextField
          ref={nameInput}
          label={rolesWords.name}
          name="name"
          value={name}
          maxLength={100}
          autoComplete="off"
          dir="auto"
          error={errorOf('name')}
          onChange={({ target }) => {
            setName(target.value);
            changed('name');
          }}
        />
        <FlagList flags={flags} onChange={setFlags} />
        <Refusal problem={problem} />
      </Form>
    </Dialog>
  );
}
