/** A text in parts: what is the address of a page, and what is not. */
export type TextPart = { readonly kind: 'text' | 'link'; readonly text: string };

const ADDRESS = /https?:\/\/[^\s<>"'`\\^{|}]+/g;
/** At the end of an address these belong to the sentence around it. */
const PUNCTUATION = /[.,;:!?)\]]+$/;

/** Parts that give the text again when they are joined. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const link = found.replace(PUNCTUATION, '');
    if (!URL.canParse(link)) continue;
    if (index > from) parts.push({ kind: 'text', text: text.slice(from, index) });
    parts.push({ kind: 'link', text: link });
    from = index + link.length;
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) });
  return parts;
}

export const linksIn = (text: string): string[] =>
  partsOf(text)
    .filter(({ kind }) => kind === 'link')
    .map((part) => part.text);
