/**
 * Where requests wait whose session is over, while somebody signs in again over the page. It holds who is signed in, so
 * that a page of one person never goes on as another.
 */
export interface Holder {
  readonly id: string;
  readonly email: string;
}

interface GateState {
  /** Nobody yet: a 401 is then the caller's own affair. */
  readonly holder: Holder | undefined;
  readonly isOver: boolean;
}

let state: GateState = { holder: undefined, isOver: false };
let waiting: PromiseWithResolvers<boolean> | undefined;
const listeners = new Set<() => void>();
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('session') : undefined;

const set = (next: GateState): void => {
  state = next;
  for (const listener of listeners) listener();
};

export const gateState = (): GateState => state;

export function onGateChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Says who is signed in. Another person than before reloads everything. */
export function signedInAs(holder: Holder, tell = true): void {
  if (state.holder !== undefined && state.holder.id !== holder.id) {
    location.reload();
    return;
  }
  set({ holder, isOver: false });
  waiting?.resolve(true);
  waiting = undefined;
  if (tell) tabs?.postMessage(holder);
}

/** Waits until the same person is signed in again; false when nobody was signed in, or they leave. */
export function whenSignedInAgain(): Promise<boolean> {
  if (state.holder === undefined) return Promise.resolve(false);
  waiting ??= Promise.withResolvers<boolean>();
  if (!state.isOver) set({ ...state, isOver: true });
  return waiting.promise;
}

/** Nobody is signed in any more, by one's own wish. */
export function signedOut(): void {
  set({ holder: undefined, isOver: false });
  waiting?.resolve(false);
  waiting = undefined;
}

tabs?.addEventListener('message', ({ data }: MessageEvent<Holder>) => {
  if (state.holder !== undefined) signedInAs(data, false);
});
