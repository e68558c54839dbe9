import { useEffect, useState } from 'react';
import { announce } from '../../ui/announce.js';
import { Note } from '../../ui/states.js';
import { duration } from '../../ui/time-format.js';
import { signInWords as words } from '../../words/sign-in.js';

/** `Too many attempts. Try again in 48 s.`, counting down; said once to those who hear the page, and when it is over. */
export function Countdown({ why, until, onOver }: { why: string; until: number; onOver: () => void }) {
  const [now, setNow] = useState(() => Date.now());
  const [said] = useState(() => words.tryAgainIn(duration((until - Date.now()) / 1_000)));
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() < until) return;
      announce(words.tryAgainNow);
      onOver();
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, [until, onOver]);
  return (
    <Note tone="amber">
      <p role="alert">
        {why} <span className="visually-hidden">{said}</span>
        <span aria-hidden>{words.tryAgainIn(duration((until - now) / 1_000))}</span>
      </p>
    </Note>
  );
}
