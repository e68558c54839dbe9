import { Link } from '@tanstack/react-router';
import type { Permission } from '../api/me.js';
import { Button } from '../ui/button.js';
import { Column, Page } from '../ui/page.js';
import { frameWords } from '../words/frame.js';

/** The role of whoever is signed in does not include what this page needs. */
export function Forbidden({ permission, before }: { permission: Permission; before: boolean }) {
  const { title, lead, noLonger, hint, flags } = frameWords.forbidden;
  return (
    <Page title={title} lead={(before ? noLonger : lead)(flags[permission])}>
      <p>{hint}</p>
    </Page>
  );
}

export function NotFound() {
  const { title, lead, home } = frameWords.notFound;
  return (
    <Column title={title} lead={lead}>
      <p>
        <Link to="/">{home}</Link>
      </p>
    </Column>
  );
}

/** A page whose code failed, or could not be loaded. */
export function Failed({ error }: { error: unknown }) {
  const { title, lead, reload } = frameWords.failed;
  return (
    <Column title={title} lead={lead}>
      <p>
        <code>{error instanceof Error ? error.message : String(error)}</code>
      </p>
      <p>
        <Button
          onClick={() => {
            location.reload();
          }}
        >
          {reload}
        </Button>
      </p>
    </Column>
  );
}
