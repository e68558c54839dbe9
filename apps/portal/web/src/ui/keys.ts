import { useEffect, useSyncExternalStore } from 'react';

/** A key of a page: what it does, in a few words for the help, and doing it. */
export interface Key {
  readonly key: string;
  readonly does: string;
  readonly run: (event: KeyboardEvent) => void;
  /** Also while a dialog or drawer is open. */
  readonly inDialogs?: boolean;
}

const STORED = 'letter-keys';
const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

let registered: readonly Key[] = [];
let isOn = localStorage.getItem(STORED) !== 'off';

/** Letter keys can be switched off, since a voice that is heard as letters would press them. */
export function useLetterKeysSwitch(): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore(subscribe, () => isOn);
  return [
    on,
    (next) => {
      isOn = next;
      localStorage.setItem(STORED, next ? 'on' : 'off');
      tell();
    },
  ];
}

/** All keys of what is shown now, for the help. */
export const useRegisteredKeys = (): readonly Key[] => useSyncExternalStore(subscribe, () => registered);

/** Takes these keys while the component is shown. Keep `keys` the same object between renders (`useMemo`). */
export function useKeys(keys: readonly Key[]): void {
  useEffect(() => {
    registered = [...registered, ...keys];
    tell();
    return () => {
      registered = registered.filter((key) => !keys.includes(key));
      tell();
    };
  }, [keys]);
}

const TYPING = 'input, textarea, select, [contenteditable], [role="menu"], [role="listbox"]';
const OPEN_DIALOG = '[role="dialog"], [role="alertdialog"]';

/** Listens for all of them; called once. */
export function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    if (!isOn || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest(TYPING) !== null) return;
    const inDialog = document.querySelector(OPEN_DIALOG) !== null;
    const found = registered.findLast(({ key, inDialogs }) => key === event.key && (!inDialog || inDialogs === true));
    if (found === undefined) return;
    event.preventDefault();
    found.run(event);
  });
}
