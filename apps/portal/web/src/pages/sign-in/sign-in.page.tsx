import { Column } from '../../ui/page.js';

export function SignInPage() {
  return <Column title="SignIn">…</Column>;
}
