import { useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { Named } from '../../sentences/named.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { SelectField, TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';
import styles from './forms.module.css';
import { nameOf } from './names.js';
import { RoleField } from './role-field.js';
import { change, invite, type Person, type User } from './users-api.js';
import { addUser, keepUser } from './users.queries.js';

const words = usersWords.person;

/** A new person, who gets an invite, or one to edit. What was typed stays whatever the server says. */
export function PersonDialog({ user, onClose }: { readonly user?: User; readonly onClose: () => void }) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const [person, setPerson] = useState<Person>({
    first_name: user?.first_name ?? '',
    last_name: user?.last_name ?? '',
    email: user?.email ?? '',
    role_id: user?.role?.id ?? '',
  });
  const [status, setStatus] = useState<'active' | 'inactive'>('active');
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    if (user === undefined) {
      addUser(client, await invite({ ...person, status }));
      announce(words.invited(person.email));
    } else {
      keepUser(client, await change(user.id, changesOf(user, person)));
      announce(usersWords.saved);
    }
    onClose();
  });
  const set = (field: keyof Person) => (value: string) => {
    setPerson((before) => ({ ...before, [field]: value }));
    changed(field);
  };
  const text = (field: 'first_name' | 'last_name' | 'email', label: string) => (
    <TextField
      name={field}
      label={label}
      value={person[field]}
      error={errorOf(field)}
      required
      maxLength={field === 'email' ? 254 : 100}
      autoComplete="off"
      dir={field === 'email' ? 'ltr' : 'auto'}
      {...(field === 'email' && { type: 'email', inputMode: 'email', spellCheck: false })}
      onChange={({ target }) => {
        set(field)(target.value);
      }}
    />
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title={user === undefined ? words.newTitle : <Named sentence={words.editTitle} name={nameOf(user)} />}
      description={user === undefined ? words.lead : undefined}
      actions={
        <>
          <Button onClick={onClose}>{usersWords.cancel}</Button>
          <Button kind="create" type="submit" form={id} busy={busy} writes>
            {user === undefined ? words.invite : words.save}
          </Button>
        </>
      }
    >
      <Form id={id} ref={form} className={styles.form} onSend={send}>
        <div className={styles.pair}>
          {text('first_name', words.firstName)}
          {text('last_name', words.lastName)}
        </div>
        {text('email', words.email)}
        <RoleField value={person.role_id} onValue={set('role_id')} error={errorOf('role_id')} />
        {user === undefined && (
          <SelectField
            name="status"
            label={words.status}
            value={status}
            error={errorOf('status')}
            onChange={({ target }) => {
              setStatus(target.value === 'inactive' ? 'inactive' : 'active');
              changed('status');
            }}
          >
            <option value="active">{words.statuses.active}</option>
            <option value="inactive">{words.statuses.inactive}</option>
          </SelectField>
        )}
        <Refusal problem={problem} />
      </Form>
    </Dialog>
  );
}

/** Only what differs, so that a role that was not touched is not changed. */
function changesOf(user: User, person: Person): Partial<Person> {
  const before: Partial<Person> = {
    first_name: user.first_name ?? '',
    last_name: user.last_name ?? '',
    email: user.email ?? '',
    role_id: user.role?.id ?? '',
  };
  const fields = Object.keys(person) as (keyof Person)[];
  return Object.fromEntries(
    fields.filter((field) => person[field] !== before[field]).map((field) => [field, person[field]]),
  );
}
