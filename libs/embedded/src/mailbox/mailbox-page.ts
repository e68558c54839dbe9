import type { Mail } from './mails.js';
import { partsOf } from './text-links.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Text as it may stand in an element and in a quoted attribute. */
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const sameDay = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const otherDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' });

const time = (at: string, format: Intl.DateTimeFormat) =>
  `<time datetime="${escaped(at)}">${format.format(new Date(at))}</time>`;
const brief = (at: string, now: Date) =>
  time(at, new Date(at).toDateString() === now.toDateString() ? sameDay : otherDay);

const entry = (mail: Mail, open: boolean, now: Date) => `
      <li><a href="/mail/${escaped(mail.id)}"${open ? ' aria-current="page"' : ''}>
        <span class="to">${escaped(mail.to.join(', '))}</span> ${brief(mail.received_at, now)}
        <span class="subject">${escaped(mail.subject)}</span></a></li>`;

const body = (text: string) =>
  partsOf(text.trim())
    .map((part) => {
      const shown = escaped(part.text);
      return part.kind === 'link' ? `<a href="${shown}" target="_blank" rel="noreferrer">${shown}</a>` : shown;
    })
    .join('');

const article = (mail: Mail) => `
    <article>
      <p class="back"><a href="/">All mail</a></p>
      <h2>${escaped(mail.subject)}</h2>
      <dl>
        <dt>To</dt><dd>${escaped(mail.to.join(', '))}</dd>
        <dt>From</dt><dd>${escaped(mail.from)}</dd>
        <dt>Received</dt><dd>${time(mail.received_at, exact)}</dd>
      </dl>
      <div class="text">${body(mail.text)}</div>
    </article>`;

/** The list, newest first, and the mail that is open: the newest where none was asked for. */
export function mailboxPage(mails: readonly Mail[], asked?: Mail, now = new Date()): string {
  const open = asked ?? mails[0];
  const list = mails.map((mail) => entry(mail, mail === open, now)).join('');
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${asked === undefined ? 'Mailbox' : `${escaped(asked.subject)} · Mailbox`}</title>
  <link rel="icon" href="/mailbox.svg">
  <link rel="stylesheet" href="/mailbox.css">
  <script src="/mailbox.js" defer></script>
</head>
<body data-newest="${escaped(mails[0]?.id ?? '')}" class="${asked === undefined ? 'list' : 'reading'}">
  <header>
    <h1><a href="/">Mailbox</a></h1>
    <p>Every mail that this system sends ends here, whoever it is addressed to. None leaves this machine.</p>
    <p role="status"><a href="/" id="new" hidden>New mail has arrived</a></p>
  </header>${
    open === undefined
      ? `
  <main><p class="empty">No mail yet. Invite somebody on the portal’s Users page; the invitation appears here by itself.</p></main>`
      : `
  <main>
    <nav aria-label="Mails"><ol>${list}
    </ol></nav>${article(open)}
  </main>`
  }
</body>
</html>
`;
}

/** What the page loads, by path. */
export const ASSETS: Readonly<Record<string, { readonly type: string; readonly text: string }>> = {
  '/mailbox.css': {
    type: 'text/css',
    text: `:root {
  color-scheme: light dark;
  --bg: light-dark(#faf9f6, #131412);
  --surface: light-dark(#ffffff, #1a1c19);
  --ink: light-dark(#1b1a17, #ecebe5);
  --ink-2: light-dark(#57544c, #b4b2a9);
  --line: light-dark(#dedad0, #2d302b);
  --focus: light-dark(#1d4fa8, #8db4ff);
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--bg); color: var(--ink); font: 15px/24px ui-sans-serif, system-ui, sans-serif; }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
header { padding: 24px 24px 16px; border-bottom: 1px solid var(--line); }
h1 { font-size: 19px; line-height: 28px; }
h1 a { text-decoration: none; }
header p { color: var(--ink-2); font-size: 13px; line-height: 20px; }
#new { font-weight: 600; color: var(--ink); }
main { display: grid; grid-template-columns: minmax(240px, 360px) minmax(0, 1fr); align-items: start; }
.empty { grid-column: 1 / -1; padding: 40px 24px; color: var(--ink-2); }
nav { border-right: 1px solid var(--line); min-height: calc(100vh - 97px); }
ol { list-style: none; padding: 0; }
li { border-bottom: 1px solid var(--line); }
li a { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 12px; padding: 10px 24px; text-decoration: none; outline-offset: -2px; }
li a[aria-current] { background: var(--surface); box-shadow: inset 3px 0 var(--ink); }
li a:hover .subject { text-decoration: underline; }
.to { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.subject { grid-column: 1 / -1; color: var(--ink-2); font-size: 13px; line-height: 20px; overflow-wrap: anywhere; }
time { font-variant-numeric: tabular-nums; }
li time { color: var(--ink-2); font-size: 13px; }
article { padding: 24px; max-width: 760px; }
h2 { font-size: 19px; line-height: 28px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 80px minmax(0, 1fr); margin: 8px 0 24px; font-size: 13px; line-height: 20px; }
dt { color: var(--ink-2); }
dd { overflow-wrap: anywhere; }
.back { display: none; margin-bottom: 12px; font-size: 13px; line-height: 20px; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  header, article { padding-left: 16px; padding-right: 16px; }
  main { display: block; }
  nav { border-right: 0; min-height: 0; }
  li a { padding-left: 16px; padding-right: 16px; }
  .list article, .reading nav { display: none; }
  .back { display: block; }
}
`,
  },
  // The list shows a new mail by itself; a mail that is being read stays as it is.
  '/mailbox.js': {
    type: 'text/javascript',
    text: `const { dataset, classList } = document.body;
setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch('/newest').catch(() => undefined);
  if (!answer?.ok || (await answer.text()) === dataset.newest) return;
  if (classList.contains('list')) location.reload();
  else document.getElementById('new').hidden = false;
}, 1500);
`,
  },
  '/mailbox.svg': {
    type: 'image/svg+xml',
    text: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="none" stroke="#0f6b3c" stroke-width="1.5" d="M1.5 3.5h13v9h-13zl6.5 5 6.5-5"/></svg>',
  },
};
