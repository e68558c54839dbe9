import { useLayoutEffect, useRef } from 'react';
import { MASKED } from './credential-texts.js';
import { grouped } from './grouped.js';
import type { OneTimeSecret } from './one-time-secret.js';
import styles from './secret-text.module.css';

/**
 * A text that contains the secret, or the same text masked. The text is written into the element by hand, since React
 * would remember what it rendered; it is taken out again when it is masked or leaves the page.
 */
export function SecretText({
  secret,
  shown,
  text,
  groups,
  elementRef,
}: {
  readonly secret: OneTimeSecret;
  readonly shown: boolean;
  readonly text: (password: string) => string;
  /** Sets groups of so many characters apart, by style only. */
  readonly groups?: number;
  readonly elementRef?: React.RefObject<HTMLElement | null>;
}) {
  const own = useRef<HTMLElement>(null);
  const element = elementRef ?? own;
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return undefined;
    const write = (value: string) => {
      if (groups === undefined) target.replaceChildren(value);
      else target.replaceChildren(...grouped(value, groups).map(groupElement));
    };
    if (shown)
      secret.use((password) => {
        write(text(password));
      });
    else write(text(MASKED));
    return () => {
      target.replaceChildren();
    };
  }, [element, secret, shown, text, groups]);
  return <code ref={element} className={styles.text} translate="no" />;
}

function groupElement(characters: string): HTMLElement {
  const span = document.createElement('span');
  if (styles.group !== undefined) span.className = styles.group;
  span.textContent = characters;
  return span;
}
