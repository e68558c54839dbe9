/** A paragraph: words, or the one thing to open. */
export type Paragraph = string | { readonly label: string; readonly href: string };

export interface MailText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The same as plain text and as HTML: no picture, nothing loaded, nothing that tells whether it was read. */
export function mailText(subject: string, paragraphs: readonly Paragraph[]): MailText {
  return {
    subject,
    text: `${paragraphs.map((one) => (typeof one === 'string' ? one : one.href)).join('\n\n')}\n`,
    html: `<!doctype html>
<html lang="en">
<body style="font: 15px/1.6 sans-serif; max-width: 36em">
${paragraphs
  .flatMap(asHtml)
  .map((paragraph) => `<p>${paragraph}</p>`)
  .join('\n')}
</body>
</html>
`,
  };
}

function asHtml(paragraph: Paragraph): string[] {
  if (typeof paragraph === 'string') return [escaped(paragraph)];
  const link = escaped(paragraph.href);
  return [`<a href="${link}">${escaped(paragraph.label)}</a>`, `<small>Or open this address: ${link}</small>`];
}

const DATE: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', year: 'numeric' };
const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };

/** `28 November 2026, 14:05 UTC`: nobody knows the zone of the reader. */
export function inWords(at: Date): string {
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }).format(at);
  return `${format(DATE)}, ${format(TIME)} UTC`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
