import { useRef, type ReactNode } from 'react';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords as words } from '../../words/users.js';

/** Asks before something that is done at once; focus begins on Cancel. */
export function ConfirmDialog({
  title,
  text,
  button,
  danger = false,
  run,
  onClose,
}: {
  readonly title: ReactNode;
  readonly text: string;
  readonly button: string;
  readonly danger?: boolean;
  readonly run: () => Promise<void>;
  readonly onClose: () => void;
}) {
  const cancel = useRef<HTMLButtonElement>(null);
  const { busy, send, problem } = useSubmit(cancel, async () => {
    await run();
    onClose();
  });
  return (
    <Dialog
      open
      kind="alert"
      onClose={onClose}
      title={title}
      description={text}
      initialFocus={cancel}
      actions={
        <>
          <Button ref={cancel} onClick={onClose}>
            {words.cancel}
          </Button>
          <Button kind={danger ? 'danger' : 'create'} busy={busy} writes onClick={() => void send()}>
            {button}
          </Button>
        </>
      }
    >
      <Refusal problem={problem} />
    </Dialog>
  );
}
