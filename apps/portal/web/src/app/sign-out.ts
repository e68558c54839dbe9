import { answer, api } from '../api/client.js';
import { signedOut } from '../api/session-gate.js';

/** Ends the session and leaves; nothing of it stays in the page, since the page is loaded anew. */
export async function signOut(): Promise<void> {
  signedOut();
  await answer(api.DELETE('/api/v1/sessions/current')).catch(() => undefined);
  location.assign('/sign-in');
}
