import { useBlocker } from '@tanstack/react-router';
import { isBeingLeft } from '../api/session-gate.js';

/** Holds back links, Back and reload without a word, for the moment until an answer is there. */
export function useHold(active: boolean): void {
  useBlocker({ shouldBlockFn: () => active, enableBeforeUnload: () => active && !isBeingLeft() });
}

/**
 * Holds back links, Back and reload as long as leaving would lose something.
 *
 * @returns set while a link or Back is held: go on, or stay
 */
export function useLeaveGuard(active: boolean): { readonly leave: () => void; readonly stay: () => void } | undefined {
  const blocker = useBlocker({
    shouldBlockFn: () => active,
    enableBeforeUnload: () => active && !isBeingLeft(),
    withResolver: true,
  });
  return blocker.status === 'blocked' ? { leave: blocker.proceed, stay: blocker.reset } : undefined;
}
