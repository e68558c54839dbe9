import { useSyncExternalStore } from 'react';

let sentence = '';
const listeners = new Set<() => void>();

/** Says something once to those who hear the page. */
export function announce(text: string): void {
  // The same sentence twice is two events; a zero-width space makes it another text.
  sentence = text === sentence ? `${text}\u200b` : text;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Where {@link announce} speaks; stands once in the app. */
export function Announcer() {
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {useSyncExternalStore(subscribe, () => sentence)}
    </div>
  );
}
