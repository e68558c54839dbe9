import { AlertDialog as Alert } from '@base-ui/react/alert-dialog';
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useEffect, type ReactNode, type RefObject } from 'react';
import { Button } from './button.js';
import { classes } from './classes.js';
import styles from './dialog.module.css';

/** `escape-key`, `outside-press`, `close-press` (the cross), `focus-out`, … as Base UI names them. */
export type CloseReason = Base.Root.ChangeEventReason;

export interface DialogProps {
  open: boolean;
  /** Asked for by whoever closes it in whichever way; it stays open until `open` says otherwise. */
  onClose: (reason: CloseReason) => void;
  title: ReactNode;
  /** One or two sentences under the title, read with it. */
  description?: ReactNode;
  /** `alert` asks about something that matters: a press beside it does not close it. `drawer` stands at the right edge. */
  kind?: 'dialog' | 'alert' | 'drawer';
  wide?: boolean;
  children?: ReactNode;
  /** At the foot, the main one last. */
  actions?: ReactNode;
  initialFocus?: RefObject<HTMLElement | null>;
  /** Where focus goes afterwards; otherwise to what had it before. */
  finalFocus?: RefObject<HTMLElement | null>;
  closeLabel?: string;
  /** Without the cross, for what can only be answered. */
  noClose?: boolean;
}

/** A dialog over the page; below 640 px it fills the screen. */
export function Dialog({ open, onClose, kind = 'dialog', ...props }: DialogProps) {
  const change = (next: boolean, { reason }: { reason: CloseReason }) => {
    if (!next) onClose(reason);
  };
  // The two have the same parts; only their roots behave apart.
  const Root = kind === 'alert' ? Alert.Root : Base.Root;
  return (
    <Root open={open} onOpenChange={change}>
      <Content kind={kind} {...props} />
    </Root>
  );
}

function Content(props: Omit<DialogProps, 'open' | 'onClose'>) {
  useEffect(
    () => () => {
      requestAnimationFrame(focusSomewhere);
    },
    [],
  );
  const { kind, title, description, wide, children, actions, initialFocus, finalFocus, closeLabel, noClose } = props;
  return (
    <Base.Portal>
      <Base.Backdrop className={styles.veil} />
      <Base.Viewport className={classes(styles.viewport, kind === 'drawer' && styles.atEdge)}>
        <Base.Popup
          className={classes(styles.popup, kind === 'drawer' ? styles.drawer : styles.dialog, wide && styles.wide)}
          {...(initialFocus && { initialFocus })}
          {...(finalFocus && { finalFocus })}
        >
          <header className={styles.head}>
            <Base.Title className={styles.title}>{title}</Base.Title>
            {noClose !== true && (
              <Base.Close render={<Button kind="quiet" icon small aria-label={closeLabel ?? 'Close'} />}>
                <X size={16} aria-hidden />
              </Base.Close>
            )}
          </header>
          <div className={styles.body}>
            {description !== undefined && (
              <Base.Description className={styles.description} render={<div />}>
                {description}
              </Base.Description>
            )}
            {children}
          </div>
          {actions !== undefined && <footer className={styles.actions}>{actions}</footer>}
        </Base.Popup>
      </Base.Viewport>
    </Base.Portal>
  );
}

/**
 * What opened a dialog may be gone with what was done in it, such as the row of somebody who was deleted; or out of sight,
 * where focus returns to it without a move of the page.
 */
function focusSomewhere(): void {
  if (document.activeElement === document.body) document.querySelector('h1')?.focus();
  else document.activeElement?.scrollIntoView({ block: 'nearest' });
}
