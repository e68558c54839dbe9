import { Column } from '../../ui/page.js';

export function HandOverPage() {
  return <Column title="Hand-over">…</Column>;
}
