import { useEffect, useRef, useState } from 'react';
import { asProblem, Problem } from '../api/problem.js';
import { credentialsWords as words } from '../words/credentials.js';
import { makeHandOver } from './credentials-api.js';
import { seal } from './hand-over-cipher.js';
import type { Minted } from './mint.js';
import { OneTimeSecret } from './one-time-secret.js';

export type LinkState =
  | { readonly at: 'none' }
  | { readonly at: 'making' }
  /** The whole link with its key is as secret as the password. */
  | { readonly at: 'made'; readonly link: OneTimeSecret; readonly expiresAt: string }
  | { readonly at: 'failed'; readonly problem: Problem };

/** Encrypts the password and leaves the ciphertext with the server; forgets the link when the dialog is gone. */
export function useHandOverLink({ id, username, label }: Minted): {
  readonly state: LinkState;
  readonly make: (secret: OneTimeSecret) => Promise<void>;
} {
  const [state, setState] = useState<LinkState>({ at: 'none' });
  const held = useRef<OneTimeSecret>(undefined);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      held.current?.forget();
      held.current = undefined;
    };
  }, []);

  const make = async (secret: OneTimeSecret): Promise<void> => {
    setState({ at: 'making' });
    try {
      if (!isSecureContext) throw new Problem({ status: 0, code: 'page.insecure', detail: words.link.needsHttps });
      const sealed = await secret.use((password) => seal({ label, username, password }));
      if (sealed === undefined) return;
      const made = await makeHandOver(id, sealed.ciphertext);
      if (gone.current) return;
      const link = new OneTimeSecret(`${location.origin}/hand-over/${made.id}#${sealed.key}`);
      held.current = link;
      setState({ at: 'made', link, expiresAt: made.expires_at });
    } catch (thrown) {
      setState({ at: 'failed', problem: asProblem(thrown) });
    }
  };
  return { state, make };
}
