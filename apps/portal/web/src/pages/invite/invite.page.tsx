import { Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import { Problem } from '../../api/problem.js';
import { Button } from '../../ui/button.js';
import { TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Column } from '../../ui/page.js';
import { Refusal } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { inviteWords as words } from '../../words/invite.js';
import styles from './invite.module.css';
import { passwordRules } from './password-rules.js';

const RULES = ['length', 'letter', 'digit'] as const;

/** Where an invitation leads: the link's fragment is its token, which no server sees in an address. */
export function InvitePage() {
  const [token] = useState(() => location.hash.slice(1));
  const [state, setState] = useState<'open' | 'done' | 'gone'>(token === '' ? 'gone' : 'open');
  if (state === 'gone')
    return (
      <Column title={words.gone.title} lead={words.gone.lead}>
        {null}
      </Column>
    );
  if (state === 'done') {
    return (
      <Column title={words.done.title} lead={words.done.lead}>
        <p>
          <Link to="/sign-in">{words.done.go}</Link>
        </p>
      </Column>
    );
  }
  return (
    <Column title={words.title} lead={words.lead}>
      <PasswordForm token={token} onState={setState} />
    </Column>
  );
}

function PasswordForm({ token, onState }: { token: string; onState: (state: 'done' | 'gone') => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [password, setPassword] = useState('');
  const [shown, setShown] = useState(false);
  const { busy, send, problem, errorOf, changed } = useSubmit(form, async () => {
    try {
      await answer(api.POST('/api/v1/invites/{token}/accept', { params: { path: { token } }, body: { password } }));
      onState('done');
    } catch (thrown) {
      if (thrown instanceof Problem && (thrown.status === 410 || thrown.status === 404)) onState('gone');
      else throw thrown;
    }
  });
  const met = passwordRules(password);
  return (
    <Form ref={form} className={styles.form} onSend={send}>
      <Refusal problem={problem} />
      <TextField
        label={words.password}
        name="password"
        type={shown ? 'text' : 'password'}
        autoComplete="new-password"
        autoCapitalize="off"
        spellCheck={false}
        autoFocus
        value={password}
        error={errorOf('password')}
        aside={
          <Button
            kind="quiet"
            small
            aria-pressed={shown}
            onClick={() => {
              setShown(!shown);
            }}
          >
            {shown ? words.hide : words.show}
          </Button>
        }
        hint={
          <ul className={styles.rules}>
            {RULES.map((rule) => (
              <li key={rule}>
                <Status mark={met[rule] ? 'in-force' : 'off'}>
                  {words.rules[rule]}
                  <span className="visually-hidden">, {met[rule] ? words.met : words.notYet}</span>
                </Status>
              </li>
            ))}
          </ul>
        }
        onChange={({ target }) => {
          setPassword(target.value);
          changed('password');
        }}
      />
      <Button kind="main" type="submit" busy={busy} writes className={styles.main}>
        {words.set}
      </Button>
    </Form>
  );
}
