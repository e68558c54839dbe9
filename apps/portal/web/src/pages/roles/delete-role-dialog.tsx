import { useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { Problem } from '../../api/problem.js';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { SelectField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { rolesWords } from '../../words/roles.js';
import { rolesQuery, type Role } from './roles.data.js';
import styles from './roles.module.css';

const words = rolesWords.delete;

/** Deleting a role asks where its users go, also when the server knows of users that the list did not show yet. */
export function DeleteRoleDialog({
  role,
  others,
  onClose,
  onDeleted,
}: {
  role: Role;
  others: readonly Role[];
  onClose: () => void;
  onDeleted: () => void;
}) {
  const client = useQueryClient();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const [users, setUsers] = useState(role.users);
  const [target, setTarget] = useState('');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    try {
      const query = users > 0 ? { reassign_to: target } : {};
      await answer(api.DELETE('/api/v1/roles/{id}', { params: { path: { id: role.id }, query } }));
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.code !== 'role.in-use') throw thrown;
      const counted = thrown.document['users'];
      setUsers(typeof counted === 'number' ? counted : 1);
      return;
    }
    announce(words.done(role.name));
    onDeleted();
    await client.invalidateQueries(rolesQuery);
  });

  return (
    <Dialog
      open
      kind="alert"
      onClose={onClose}
      title={<Named sentence={words.title} name={role.name} />}
      description={users > 0 ? words.inUse(users) : words.unused}
      initialFocus={cancel}
      actions={
        <>
          <Button ref={cancel} onClick={onClose}>
            {words.cancel}
          </Button>
          <Button type="submit" form={id} kind="danger" busy={busy} writes disabled={users > 0 && target === ''}>
            {users > 0 ? words.move : words.delete}
          </Button>
        </>
      }
    >
      <Form id={id} ref={form} className={styles.form} onSend={send}>
        {users > 0 && (
          <SelectField
            label={words.target}
            name="reassign_to"
            value={target}
            error={errorOf('reassign_to')}
            onChange={({ target: { value } }) => {
              setTarget(value);
              changed('reassign_to');
            }}
          >
            <option value="">{words.choose}</option>
            {others.map((other) => (
              <option key={other.id} value={other.id} dir="auto">
                {other.name}
              </option>
            ))}
          </SelectField>
        )}
        <Refusal problem={problem} />
      </Form>
    </Dialog>
  );
}
