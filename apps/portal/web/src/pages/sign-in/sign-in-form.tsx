import type { Me } from '../../api/me.js';

export function SignInForm(_: { email?: string; onSignedIn: (me: Me) => void }) {
  return null;
}
