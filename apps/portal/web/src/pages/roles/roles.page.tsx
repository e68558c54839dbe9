import { Page } from '../../ui/page.js';

export function RolesPage() {
  return <Page title="Roles">…</Page>;
}
