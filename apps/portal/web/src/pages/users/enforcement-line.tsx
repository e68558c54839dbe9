import { ProofLine } from '../../ui/status.js';
import { clockMs } from '../../ui/time-format.js';
import { usersWords } from '../../words/users.js';

const words = usersWords.enforcement;

/** Under what was just changed: since when the token service decides by it, or that this is not confirmed. */
export function EnforcementLine({ enforcedAt }: { readonly enforcedAt: string | null | undefined }) {
  if (enforcedAt === undefined) return null;
  if (enforcedAt === null) return <ProofLine mark="not-confirmed" parts={[words.notConfirmed]} />;
  return <ProofLine mark="in-force" parts={[words.inForce(clockMs(enforcedAt))]} />;
}
