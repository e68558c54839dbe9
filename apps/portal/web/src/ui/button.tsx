import type { ComponentProps } from 'react';
import styles from './button.module.css';
import { classes } from './classes.js';
import { useOnline } from './online.js';

export interface ButtonProps extends ComponentProps<'button'> {
  /** `main` is what a form is for; `create` is the one green; `danger` takes something away; `quiet` has no frame. */
  kind?: 'plain' | 'main' | 'create' | 'danger' | 'quiet';
  /** Under way: it takes no press, keeps its width and its focus. */
  busy?: boolean;
  /** It sends something: it waits while the browser is offline, since writes are never queued. */
  writes?: boolean;
  /** A square with an icon; needs an `aria-label`. */
  icon?: boolean;
  small?: boolean;
}

export function Button(button: ButtonProps) {
  const { kind = 'plain', busy, writes, icon, small, disabled, className, onClick, ...props } = button;
  const online = useOnline();
  // Held, it keeps the focus, which the attribute `disabled` would throw away.
  const isHeld = disabled === true || busy === true || (writes === true && !online);
  return (
    <button
      type="button"
      {...props}
      className={classes(styles.button, styles[kind], icon && styles.icon, small && styles.small, className)}
      aria-disabled={isHeld || props['aria-disabled']}
      aria-busy={busy}
      onClick={(event) => {
        if (isHeld) event.preventDefault();
        else onClick?.(event);
      }}
    />
  );
}
