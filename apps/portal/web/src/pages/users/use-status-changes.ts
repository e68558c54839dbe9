import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { asProblem, type Problem } from '../../api/problem.js';
import { announce } from '../../ui/announce.js';
import { usersWords } from '../../words/users.js';
import { setStatus, userOf, type StatusChange, type User } from './users-api.js';
import { keepUser } from './users.queries.js';

/** What became of the change of one user; `since` is when it was asked for, on the clock of `performance.now()`. */
export type Change =
  | { readonly at: 'waiting' }
  | { readonly at: 'saving'; readonly since: number }
  | { readonly at: 'unconfirmed'; readonly since: number; readonly answer: Answer }
  | { readonly at: 'in-force'; readonly enforcedAt: string; readonly after: number; readonly answer: Answer }
  | { readonly at: 'failed'; readonly problem: Problem };

type Answer = StatusChange & { readonly position: string | undefined };

const AT_ONCE = 4;
const POLL_MS = 1000;

/** Switches users on or off, a few at once, and watches until each change is in force. */
export function useStatusChanges(users: readonly User[], to: 'active' | 'inactive') {
  const client = useQueryClient();
  const [changes, setChanges] = useState<ReadonlyMap<string, Change>>(new Map());
  const gone = useRef(new AbortController());
  useEffect(() => {
    const controller = new AbortController();
    gone.current = controller;
    return () => {
      controller.abort();
    };
  }, []);

  const set = (id: string, change: Change) => {
    setChanges((before) => new Map(before).set(id, change));
  };

  /** Until it is in force, or the dialog is gone; the row then goes on watching. */
  const watch = async (user: User, since: number, answer: Answer, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await pause(POLL_MS, signal);
      const now = await userOf(user.id, signal, true).catch(() => undefined);
      if (now?.status !== to || now.enforced_at === null || now.enforced_at === undefined) continue;
      set(user.id, { at: 'in-force', enforcedAt: now.enforced_at, after: performance.now() - since, answer });
      keepUser(client, now);
      announce(usersWords.change.announced.inForce);
      return;
    }
  };

  const one = async (user: User, signal: AbortSignal): Promise<void> => {
    const since = performance.now();
    set(user.id, { at: 'saving', since });
    try {
      const answer = await setStatus(user.id, to);
      keepUser(client, {
        ...user,
        status: answer.status,
        ...(user.type === 'api' && { enforced_at: answer.enforced_at }),
      });
      if (answer.enforced_at === null) {
        set(user.id, { at: 'unconfirmed', since, answer });
        announce(usersWords.change.announced.notConfirmed);
        void watch(user, since, answer, signal);
      } else {
        set(user.id, { at: 'in-force', enforcedAt: answer.enforced_at, after: performance.now() - since, answer });
        announce(usersWords.change.announced.inForce);
      }
    } catch (thrown) {
      set(user.id, { at: 'failed', problem: asProblem(thrown) });
    }
  };

  const run = async (only: readonly User[] = users): Promise<void> => {
    const { signal } = gone.current;
    const left = [...only];
    const worker = async () => {
      for (let user = left.shift(); user !== undefined; user = left.shift()) await one(user, signal);
    };
    for (const user of only) set(user.id, { at: 'waiting' });
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  return { changes, run };
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
