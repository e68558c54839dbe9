import { lazy, Suspense, useSyncExternalStore } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { meQuery, type Me } from '../api/me.js';
import { gateState, onGateChange, signedInAs } from '../api/session-gate.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Loading } from '../ui/states.js';
import { frameWords } from '../words/frame.js';

const SignInForm = lazy(() =>
  import('../pages/sign-in/sign-in-form.js').then(({ SignInForm }) => ({ default: SignInForm })),
);
const words = frameWords.signedOut;

/** Signing in over the page: the page stays as it is, and what was refused is sent again. */
export function SignedOutDialog() {
  const client = useQueryClient();
  const { isOver, holder } = useSyncExternalStore(onGateChange, gateState);
  if (!isOver || holder === undefined) return null;

  function signedIn(me: Me) {
    if (me.session.second_factor === 'enrolment_required') {
      location.reload();
      return;
    }
    client.setQueryData(meQuery.queryKey, me);
    signedInAs(me.user);
  }

  return (
    <Dialog
      open
      onClose={() => undefined}
      kind="alert"
      noClose
      title={words.title}
      description={words.description}
      actions={
        <Button
          kind="quiet"
          onClick={() => {
            location.assign('/sign-in');
          }}
        >
          {words.leave}
        </Button>
      }
    >
      <Suspense fallback={<Loading rows={3} />}>
        <SignInForm email={holder.email} onSignedIn={signedIn} />
      </Suspense>
    </Dialog>
  );
}
