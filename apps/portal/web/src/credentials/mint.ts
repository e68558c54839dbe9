/** What is asked for; the key stays the same until this very request has an answer. */
export interface MintRequest {
  readonly role_id: string;
  readonly label?: string;
  readonly replaces?: string;
  readonly authorize_networks?: string[];
  readonly token_networks?: string[];
}

/** The minted API user without its password: that stands outside of every state, so that no copy of it can remain. */
export interface Minted {
  readonly id: string;
  readonly username: string;
  readonly label: string | null;
  readonly role: { readonly id: string; readonly name: string };
  readonly enforced: boolean;
}

interface Attempt {
  readonly key: string;
  readonly request: MintRequest;
}

/**
 * The way of one mint: idle → minting → shown → stored. An answer that did not arrive leads to `lost`; asking again with
 * the same key either shows the password (nothing had been minted) or finds an API user whose password nobody has.
 */
export type MintState =
  | { readonly at: 'idle' }
  | ({ readonly at: 'minting' } & Attempt)
  | ({ readonly at: 'lost' } & Attempt)
  | ({ readonly at: 'orphan'; readonly minted: Minted } & Attempt)
  | ({ readonly at: 'voiding'; readonly minted: Minted } & Attempt)
  | { readonly at: 'shown'; readonly minted: Minted }
  | { readonly at: 'stored'; readonly minted: Minted };

export type MintStep =
  | { readonly step: 'ask'; readonly key: string; readonly request: MintRequest }
  /** 201, 202 with the password, or 200 of a repetition without it. */
  | { readonly step: 'answered'; readonly minted: Minted; readonly withPassword: boolean }
  /** No answer, or one that does not say whether something was minted. */
  | { readonly step: 'unanswered' }
  /** A 4xx: nothing was minted, the form takes it from here. */
  | { readonly step: 'refused' }
  | { readonly step: 'again' }
  | { readonly step: 'void' }
  /** The orphan is off; the same is asked for once more under a new key. */
  | { readonly step: 'voided'; readonly key: string }
  | { readonly step: 'not-voided' }
  | { readonly step: 'enforced' }
  | { readonly step: 'stored' }
  | { readonly step: 'close' };

export const IDLE: MintState = { at: 'idle' };

/** A step that does not belong to where the mint is changes nothing: a late answer, a second click. */
export function nextMint(state: MintState, step: MintStep): MintState {
  switch (step.step) {
    case 'ask':
      return state.at === 'idle' ? { at: 'minting', key: step.key, request: step.request } : state;
    case 'answered':
      if (state.at !== 'minting') return state;
      return step.withPassword
        ? { at: 'shown', minted: step.minted }
        : { at: 'orphan', minted: step.minted, ...attemptOf(state) };
    case 'unanswered':
      return state.at === 'minting' ? { at: 'lost', ...attemptOf(state) } : state;
    case 'refused':
      return state.at === 'minting' ? IDLE : state;
    case 'again':
      return state.at === 'lost' ? { at: 'minting', ...attemptOf(state) } : state;
    case 'void':
      return state.at === 'orphan' ? { at: 'voiding', minted: state.minted, ...attemptOf(state) } : state;
    case 'voided':
      return state.at === 'voiding' ? { at: 'minting', key: step.key, request: state.request } : state;
    case 'not-voided':
      return state.at === 'voiding' ? { at: 'orphan', minted: state.minted, ...attemptOf(state) } : state;
    case 'enforced':
      return state.at === 'shown' ? { at: 'shown', minted: { ...state.minted, enforced: true } } : state;
    case 'stored':
      return state.at === 'shown' ? { at: 'stored', minted: state.minted } : state;
    case 'close':
      return IDLE;
  }
}

/** Whether leaving now would lose something that cannot be had again. */
export const mustBeGuarded = (state: MintState): boolean =>
  state.at === 'minting' || state.at === 'voiding' || state.at === 'shown';

const attemptOf = ({ key, request }: Attempt): Attempt => ({ key, request });
