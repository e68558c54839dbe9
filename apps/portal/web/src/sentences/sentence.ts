const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const USER = /(?:API user|[Pp]ortal user) $/;

export type SentencePart = { readonly text: string } | { readonly userId: string };

/** An entry's description with the users it speaks of apart, so that a name can stand in the place of an id. */
export function partsOf(description: string): SentencePart[] {
  const parts: SentencePart[] = [];
  let end = 0;
  for (const { 0: id, index } of description.matchAll(UUID)) {
    const before = description.slice(end, index);
    if (!USER.test(before)) continue;
    parts.push({ text: before }, { userId: id });
    end = index + id.length;
  }
  if (end < description.length) parts.push({ text: description.slice(end) });
  return parts;
}
