import { useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';
import styles from './forms.module.css';
import { nameOf } from './names.js';
import { RoleField } from './role-field.js';
import { change, type User } from './users-api.js';
import { keepUser } from './users.queries.js';

const words = usersWords.role;

/** Another role for an API user. */
export function RoleDialog({ user, onClose }: { readonly user: User; readonly onClose: () => void }) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const [role, setRole] = useState(user.role?.id ?? '');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    keepUser(client, await change(user.id, { role_id: role }));
    announce(usersWords.saved);
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={<Named sentence={words.title} name={nameOf(user)} />}
      description={words.lead}
      actions={
        <>
          <Button onClick={onClose}>{usersWords.cancel}</Button>
          <Button kind="create" type="submit" form={id} busy={busy} writes>
            {words.save}
          </Button>
        </>
      }
    >
      <Form id={id} ref={form} className={styles.form} onSend={send}>
        <RoleField
          value={role}
          error={errorOf('role_id')}
          onValue={(next) => {
            setRole(next);
            changed('role_id');
          }}
        />
        <Refusal problem={problem} />
      </Form>
    </Dialog>
  );
}
