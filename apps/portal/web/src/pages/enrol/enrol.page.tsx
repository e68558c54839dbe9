import { Column } from '../../ui/page.js';

export function EnrolPage() {
  return <Column title="Enrol">…</Column>;
}
