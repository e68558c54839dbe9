import { answer, api } from '../api/client.js';
import { Problem } from '../api/problem.js';
import { signedOut } from '../api/session-gate.js';

/**
 * Ends the session and leaves; nothing of it stays in the page, since the page is loaded anew.
 *
 * @throws {Problem} when it is not known to have ended: whoever is told otherwise leaves it open
 */
export async function signOut(): Promise<void> {
  try {
    await answer(api.DELETE('/api/v1/sessions/current'));
  } catch (thrown) {
    // A session that was over already is what was wanted.
    if (!(thrown instanceof Problem && thrown.status === 401)) throw thrown;
  }
  signedOut();
}
