import { Column } from '../../ui/page.js';

export function InvitePage() {
  return <Column title="Invite">…</Column>;
}
