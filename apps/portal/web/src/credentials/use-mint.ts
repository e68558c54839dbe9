import { useEffect, useReducer, useRef, useState } from 'react';
import { asProblem, type Problem } from '../api/problem.js';
import { isAmbiguous, mint } from './credentials-api.js';
import { IDLE, nextMint, type MintRequest, type MintState } from './mint.js';
import type { OneTimeSecret } from './one-time-secret.js';

export interface Mint {
  readonly state: MintState;
  /** Here while the state is `shown`; empty afterwards. */
  readonly secret: OneTimeSecret | undefined;
  /** Why the last answer did not arrive, or the orphan could not be voided. */
  readonly problem: Problem | undefined;
  /** @throws {Problem} a refusal: nothing was minted */
  readonly ask: (request: MintRequest) => Promise<void>;
  readonly again: () => Promise<void>;
  readonly voidAndAsk: () => Promise<void>;
  readonly enforced: () => void;
  readonly stored: () => void;
  readonly close: () => void;
}

/**
 * Mints around the cache of answers: the password goes from the answer into its holder and nowhere else.
 *
 * @param deactivate voids the API user whose password reached nobody
 */
export function useMint(deactivate: (id: string) => Promise<unknown>): Mint {
  const [state, step] = useReducer(nextMint, IDLE);
  const [secret, setSecret] = useState<OneTimeSecret>();
  const [problem, setProblem] = useState<Problem>();
  // Whose answer still counts: one that comes after the dialog is gone is forgotten.
  const current = useRef(0);
  const held = useRef<OneTimeSecret>(undefined);

  const forget = () => {
    current.current += 1;
    held.current?.forget();
    held.current = undefined;
    setSecret(undefined);
    setProblem(undefined);
  };
  useEffect(
    () => () => {
      current.current += 1;
      held.current?.forget();
      held.current = undefined;
    },
    [],
  );

  const send = async (request: MintRequest, key: string): Promise<void> => {
    const mine = (current.current += 1);
    setProblem(undefined);
    try {
      const made = await mint(request, key);
      if (mine !== current.current) {
        made.secret?.forget();
        return;
      }
      held.current = made.secret;
      setSecret(made.secret);
      step({ step: 'answered', minted: made.minted, withPassword: made.secret !== undefined });
    } catch (thrown) {
      if (mine !== current.current) return;
      const failed = asProblem(thrown);
      if (isAmbiguous(failed)) {
        setProblem(failed);
        step({ step: 'unanswered' });
        return;
      }
      step({ step: 'refused' });
      throw failed;
    }
  };

  return {
    state,
    secret,
    problem,
    ask: async (request) => {
      const key = newKey();
      step({ step: 'ask', key, request });
      await send(request, key);
    },
    again: async () => {
      if (state.at !== 'lost') return;
      step({ step: 'again' });
      await send(state.request, state.key);
    },
    voidAndAsk: async () => {
      if (state.at !== 'orphan') return;
      step({ step: 'void' });
      try {
        await deactivate(state.minted.id);
      } catch (thrown) {
        setProblem(asProblem(thrown));
        step({ step: 'not-voided' });
        return;
      }
      const key = newKey();
      step({ step: 'voided', key });
      await send(state.request, key);
    },
    enforced: () => {
      step({ step: 'enforced' });
    },
    stored: () => {
      forget();
      step({ step: 'stored' });
    },
    close: () => {
      forget();
      step({ step: 'close' });
    },
  };
}

/** `crypto.randomUUID` is there on secure origins only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
