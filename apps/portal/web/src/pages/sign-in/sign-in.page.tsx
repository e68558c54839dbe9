import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { meQuery, type Me } from '../../api/me.js';
import { forgetHolder, signedInAs } from '../../api/session-gate.js';
import { safeNext } from '../../app/next.js';
import { Column } from '../../ui/page.js';
import { signInWords as words } from '../../words/sign-in.js';
import { SignInForm } from './sign-in-form.js';

const route = getRouteApi('/sign-in');

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();

  function signedIn(me: Me) {
    // Whoever was here before left nothing behind.
    client.clear();
    forgetHolder();
    signedInAs(me.user);
    client.setQueryData(meQuery.queryKey, me);
    router.history.push(safeNext(next, location.origin));
  }

  return (
    <Column title={words.title}>
      <SignInForm onSignedIn={signedIn} />
    </Column>
  );
}
