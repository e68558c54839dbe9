import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { meQuery } from '../../api/me.js';
import { announce } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { rolesWords as words } from '../../words/roles.js';
import { FlagList } from './flag-list.js';
import { FLAGS, flagsOf, rolesQuery, type Role } from './roles.data.js';
import styles from './roles.module.css';

interface DetailProps {
  role: Role;
  mayChange: boolean;
  onCopy: () => void;
  onDelete: () => void;
}

/** One role: what it allows, and, if it is one's own to change, its form. */
export function RoleDetail({ role, mayChange, onCopy, onDelete }: DetailProps) {
  const isForm = mayChange && !role.system;
  return (
    <section className={styles.detail} aria-labelledby="role-name">
      <div className={styles.detailHead}>
        <div>
          <h2 id="role-name" className={styles.detailName}>
            <bdi>{role.name}</bdi>
          </h2>
          <p className={styles.count}>{words.users(role.users)}</p>
        </div>
        {mayChange && (
          <div className={styles.buttons}>
            <Button onClick={onCopy}>{words.copy}</Button>
            {!role.system && <Button onClick={onDelete}>{words.remove}</Button>}
          </div>
        )}
      </div>
      {isForm ? (
        <RoleForm role={role} />
      ) : (
        <>
          <p className={styles.hint}>{role.system ? words.readOnly : words.mayNot}</p>
          <FlagList flags={flagsOf(role)} />
        </>
      )}
    </section>
  );
}

function RoleForm({ role }: { role: Role }) {
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const stored = flagsOf(role);
  const [name, setName] = useState(role.name);
  const [flags, setFlags] = useState(stored);
  const [saved, setSaved] = useState(false);
  const changedFlags = FLAGS.filter((flag) => flags[flag] !== stored[flag]);
  const isChanged = name !== role.name || changedFlags.length > 0;

  const { busy, send, problem, errorOf, changed, reset } = useSubmit(form, async () => {
    const body = {
      ...(name !== role.name && { name }),
      ...(changedFlags.length > 0 && { permissions: flags }),
    };
    const kept = await answer(api.PATCH('/api/v1/roles/{id}', { params: { path: { id: role.id } }, body }));
    setName(kept.name);
    setFlags(flagsOf(kept));
    await Promise.all([client.invalidateQueries(rolesQuery), client.invalidateQueries(meQuery)]);
    setSaved(true);
    announce(words.saved);
  });

  return (
    <Form
      ref={form}
      className={styles.form}
      onSend={() => {
        if (isChanged) void send();
      }}
    >
      <TextField
        label={words.name}
        name="name"
        value={name}
        maxLength={100}
        autoComplete="off"
        dir="auto"
        error={errorOf('name')}
        onChange={({ target }) => {
          setName(target.value);
          setSaved(false);
          changed('name');
        }}
      />
      <FlagList
        flags={flags}
        onChange={(next) => {
          setFlags(next);
          setSaved(false);
          changed('permissions');
        }}
      />
      <Refusal problem={problem} />
      <div className={styles.foot}>
        <Button kind="main" type="submit" busy={busy} writes disabled={!isChanged}>
          {words.save}
        </Button>
        {isChanged && (
          <Button
            kind="quiet"
            onClick={() => {
              setName(role.name);
              setFlags(stored);
              reset();
            }}
          >
            {words.discard}
          </Button>
        )}
        <span>{isChanged ? words.changed : saved ? words.saved : ''}</span>
      </div>
    </Form>
  );
}
