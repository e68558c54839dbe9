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
let isLeft = false;
let askWhoIsSignedIn: () => void = () => undefined;
const listeners = new Set<() => void>();

/** What a tab tells the others of this browser, which have the same session. */
type News = { readonly signedIn: Holder } | { readonly isOver: true } | { readonly signedOut: true };
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('session') : undefined;
const tell = (news: News): void => tabs?.postMessage(news);

const set = (next: GateState): void => {
  state = next;
  for (const listener of listeners) listener();
};

export const gateState = (): GateState => state;

export function onGateChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Says who is signed in. Another person than before begins anew, at an address that says nothing of the first. */
export function signedInAs(holder: Holder, isNews = true): void {
  if (state.holder !== undefined && state.holder.id !== holder.id) {
    isLeft = true;
    sessionStorage.clear();
    location.replace('/');
    return;
  }
  set({ holder, isOver: false });
  waiting?.resolve(true);
  waiting = undefined;
  if (isNews) tell({ signedIn: holder });
}

/** Is the page being left because it is another person's, so that nothing may hold it back? */
export const isBeingLeft = (): boolean => isLeft;

/** Asks who is signed in, when another tab has found that the session is over. */
export function whenOverElsewhere(ask: () => void): void {
  askWhoIsSignedIn = ask;
}

/** Waits until the same person is signed in again; false when nobody was signed in, or they leave. */
export function whenSignedInAgain(): Promise<boolean> {
  if (state.holder === undefined) return Promise.resolve(false);
  waiting ??= Promise.withResolvers<boolean>();
  if (!state.isOver) {
    set({ ...state, isOver: true });
    tell({ isOver: true });
  }
  return waiting.promise;
}

/** Nobody is signed in here, as far as this page knows; what waited is refused. */
export function forgetHolder(): void {
  set({ holder: undefined, isOver: false });
  waiting?.resolve(false);
  waiting = undefined;
}

/** Nobody is signed in any more, by one's own wish: every tab goes to the page where one signs in. */
export function signedOut(isNews = true): void {
  forgetHolder();
  if (isNews) tell({ signedOut: true });
  location.assign('/sign-in');
}

tabs?.addEventListener('message', ({ data: news }: MessageEvent<News>) => {
  if (state.holder === undefined) return;
  if ('signedIn' in news) signedInAs(news.signedIn, false);
  else if ('signedOut' in news) signedOut(false);
  else if (!state.isOver) askWhoIsSignedIn();
});
