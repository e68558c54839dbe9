import { useCallback, useRef, useState } from 'react';
import { answer, api } from '../../api/client.js';
import type { Me } from '../../api/me.js';
import { Problem } from '../../api/problem.js';
import { Button } from '../../ui/button.js';
import { CodeField } from '../../ui/code-field.js';
import { TextField } from '../../ui/field.js';
import { Form, useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { signInWords as words } from '../../words/sign-in.js';
import { Countdown } from './countdown.js';
import styles from './sign-in.module.css';

type Step = 'password' | 'code' | 'recovery';

/** E-mail and password, then the second factor. `email` fixes who signs in. */
export function SignInForm({ email: fixed, onSignedIn }: { email?: string; onSignedIn: (me: Me) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [step, setStep] = useState<Step>('password');
  const [email, setEmail] = useState(fixed ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [recovery, setRecovery] = useState('');
  const [hold, setHold] = useState<{ until: number; why: string }>();
  const [refused, setRefused] = useState(false);

  const { busy, send, problem, errorOf, changed, reset } = useSubmit(form, async () => {
    setRefused(false);
    // What the fields hold counts, since a password manager fills them without telling React.
    const typed = new FormData(form.current ?? undefined);
    const body = {
      email: fixed ?? field(typed, 'email', email),
      password: field(typed, 'password', password),
      ...(step === 'code' && { totp: field(typed, 'totp', code).replace(/\D/g, '') }),
      ...(step === 'recovery' && { recovery_code: field(typed, 'recovery_code', recovery).trim() }),
    };
    try {
      onSignedIn(await answer(api.POST('/api/v1/sessions', { body })));
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown;
      if (thrown.code === 'session.second-factor-required') {
        setEmail(body.email);
        setPassword(body.password);
        setStep('code');
      } else if (thrown.code === 'session.not-opened') {
        setRefused(true);
        setCode('');
        // The last field is the likeliest to be wrong: the password, or the code.
        setTimeout(() => [...(form.current?.querySelectorAll('input') ?? [])].at(-1)?.select());
      } else if (thrown.status === 429) {
        const why = thrown.code === 'session.busy' ? words.busy : words.throttled;
        setHold({ until: Date.now() + (thrown.retryAfter ?? 1) * 1_000, why });
      } else throw thrown;
    }
  });

  function go(next: Step) {
    reset();
    setRefused(false);
    setCode('');
    setStep(next);
  }

  const release = useCallback(() => {
    setHold(undefined);
  }, []);
  const isHeld = hold !== undefined;
  return (
    <Form
      ref={form}
      className={styles.form}
      onSend={() => {
        if (!isHeld) void send();
      }}
    >
      {refused && (
        <p className={styles.refused} role="alert">
          {words.refused}
        </p>
      )}
      <Refusal problem={problem} />
      {hold !== undefined && <Countdown {...hold} onOver={release} />}
      {step === 'password' && (
        <>
          <TextField
            label={words.email}
            name="email"
            type="email"
            autoComplete="username"
            value={email}
            readOnly={fixed !== undefined}
            autoFocus={fixed === undefined}
            required
            error={errorOf('email')}
            onChange={({ target }) => {
              setEmail(target.value);
              changed('email');
            }}
          />
          <TextField
            label={words.password}
            name="password"
            type="password"
            autoComplete="current-password"
            value={password}
            autoFocus={fixed !== undefined}
            required
            error={errorOf('password')}
            onChange={({ target }) => {
              setPassword(target.value);
              changed('password');
            }}
          />
        </>
      )}
      {step === 'code' && (
        <CodeField
          label={words.code}
          hint={words.codeHint}
          name="totp"
          value={code}
          autoFocus
          error={errorOf('totp')}
          onValue={(digits) => {
            setCode(digits);
            changed('totp');
          }}
          onComplete={() => {
            form.current?.requestSubmit();
          }}
        />
      )}
      {step === 'recovery' && (
        <TextField
          label={words.recovery}
          hint={words.recoveryHint}
          name="recovery_code"
          className="mono"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          autoFocus
          value={recovery}
          error={errorOf('recovery_code')}
          onChange={({ target }) => {
            setRecovery(target.value);
            changed('recovery_code');
          }}
        />
      )}
      <Button kind="main" type="submit" busy={busy} writes disabled={isHeld} className={styles.main}>
        {step === 'password' ? words.signIn : words.continue}
      </Button>
      {step !== 'password' && (
        <div className={styles.others}>
          <Button
            kind="quiet"
            onClick={() => {
              go(step === 'code' ? 'recovery' : 'code');
            }}
          >
            {step === 'code' ? words.useRecovery : words.useApp}
          </Button>
          <Button
            kind="quiet"
            onClick={() => {
              go('password');
            }}
          >
            {words.back}
          </Button>
        </div>
      )}
    </Form>
  );
}

function field(form: FormData, name: string, otherwise: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : otherwise;
}
