import { ApiUserDialog } from './api-user-dialog.js';
import type { Adding } from './add-button.js';
import { PersonDialog } from './person-form.js';

/** What the green + opens. */
export function AddDialog({
  adding,
  onClose,
  onStored,
}: {
  readonly adding: Adding | undefined;
  readonly onClose: () => void;
  readonly onStored: (copied: boolean) => void;
}) {
  switch (adding) {
    case undefined:
      return null;
    case 'user':
      return <PersonDialog onClose={onClose} />;
    case 'api-user':
      return <ApiUserDialog onClose={onClose} onStored={onStored} />;
  }
}
