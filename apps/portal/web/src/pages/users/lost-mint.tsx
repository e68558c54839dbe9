import { useRef } from 'react';
import type { Mint } from '../../credentials/use-mint.js';
import { Button } from '../../ui/button.js';
import { Dialog } from '../../ui/dialog.js';
import { useSubmit } from '../../ui/form.js';
import { Refusal } from '../../ui/states.js';
import { usersWords } from '../../words/users.js';

const words = usersWords.apiUser;

/** A mint whose answer got lost: asks again with the same key, and voids what nobody has the password of. */
export function LostMint({ mint, onClose }: { readonly mint: Mint; readonly onClose: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const { state, problem } = mint;
  const submit = useSubmit(button, () => (state.at === 'lost' ? mint.again() : mint.voidAndAsk()));
  const isLost = state.at === 'lost';
  const isVoiding = state.at === 'voiding';
  const description = isLost
    ? words.lost
    : words.orphan(state.at === 'orphan' || isVoiding ? state.minted.username : '');
  return (
    <Dialog
      open
      kind="alert"
      noClose
      title={isLost ? words.lostTitle : words.orphanTitle}
      description={description}
      initialFocus={button}
      onClose={() => {
        if (!isVoiding) onClose();
      }}
      actions={
        <>
          <Button aria-disabled={isVoiding} onClick={onClose}>
            {isLost ? usersWords.close : words.leaveOrphan}
          </Button>
          <Button ref={button} kind="create" writes busy={submit.busy} onClick={() => void submit.send()}>
            {isLost ? words.askAgain : isVoiding ? words.voiding : words.void}
          </Button>
        </>
      }
    >
      {isLost ? <p>{problem?.detail}</p> : <Refusal problem={problem ?? submit.problem} />}
    </Dialog>
  );
}
