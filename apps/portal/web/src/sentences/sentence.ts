const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const USER = /(?:API user|[Pp]ortal user) $/;
const PLAIN = /^[ -~]*$/;

export type SentencePart = { readonly text: string } | { readonly userId: string } | { readonly name: string };

/**
 * An entry's description with the users it speaks of apart, so that a name can stand in the place of an id; and with names
 * apart that somebody chose, such as those of roles, since they may run from right to left.
 *
 * @param metadata of the entry, which has the same names
 */
export function partsOf(description: string, metadata: Readonly<Record<string, unknown>> = {}): SentencePart[] {
  const parts: SentencePart[] = [];
  let end = 0;
  const names = Object.values(metadata).filter((value) => typeof value === 'string' && !PLAIN.test(value)) as string[];
  const text = (until: number) => {
    if (end < until) parts.push(...apart(description.slice(end, until), names));
  };
  for (const { 0: id, index } of description.matchAll(UUID)) {
    if (!USER.test(description.slice(end, index))) continue;
    text(index);
    parts.push({ userId: id });
    end = index + id.length;
  }
  text(description.length);
  return parts;
}

function apart(text: string, [name, ...others]: readonly string[]): SentencePart[] {
  if (name === undefined) return text === '' ? [] : [{ text }];
  return text.split(name).flatMap((part, index) => [...(index > 0 ? [{ name }] : []), ...apart(part, others)]);
}
