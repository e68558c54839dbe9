import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { DataFolder } from '../data-folder.js';
import { ASSETS, mailboxPage } from './mailbox-page.js';
import { Mails } from './mails.js';
import { linksIn } from './text-links.js';

/** Takes every mail that is sent to it and shows it, so that an invitation can be followed without a mail account. */
export interface Mailbox {
  /** The page for people; `/messages` is for programs, `?to=` limits them to one address. */
  readonly url: string;
  /** Where mail is sent to. */
  readonly smtpUrl: string;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const MAX_MAIL_BYTES = 1_000_000;

/** Starts both on loopback, in this process. @throws {Error} when a port is taken */
export async function startMailbox(
  { dataDir }: Pick<DataFolder, 'dataDir'>,
  ports: { readonly page: number; readonly smtp: number },
): Promise<Mailbox> {
  const mails = new Mails(dataDir);
  const smtp = receive(mails);
  const page = show(mails, [`${HOST}:${ports.page}`, `localhost:${ports.page}`]);
  smtp.listen(ports.smtp, HOST);
  page.listen(ports.page, HOST);
  const listening = [once(smtp.server, 'listening'), once(page, 'listening')];
  try {
    await Promise.all(listening);
  } catch (error) {
    await Promise.allSettled(listening);
    for (const server of [smtp.server, page]) if (server.listening) server.close();
    throw error;
  }
  // Neither keeps a process that is done from ending.
  smtp.server.unref();
  page.unref();
  return {
    url: `http://${HOST}:${ports.page}`,
    smtpUrl: `smtp://${HOST}:${ports.smtp}`,
    stop: async () => {
      page.close();
      page.closeAllConnections();
      await new Promise<void>((resolve) => {
        smtp.close(resolve);
      });
    },
  };
}

function receive(mails: Mails): SMTPServer {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    socketTimeout: 30_000,
    closeTimeout: 500,
    onData: (stream, session, done) => {
      keep(stream, session, mails).then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
    },
  });
  // A client that goes away in the middle; it will send again.
  server.on('error', () => undefined);
  return server;
}

async function keep(stream: SMTPServerDataStream, { envelope }: SMTPServerSession, mails: Mails): Promise<void> {
  const parsed = await simpleParser(stream, { skipImageLinks: true, skipTextToHtml: true });
  if (stream.sizeExceeded) throw Object.assign(new Error('The mail is too large'), { responseCode: 552 });
  const text = parsed.text ?? '';
  mails.keep({
    id: randomUUID(),
    received_at: new Date().toISOString(),
    from: senderOf(parsed, envelope),
    to: envelope.rcptTo.map(({ address }) => address),
    subject: parsed.subject ?? '(no subject)',
    text,
    links: linksIn(text),
  });
}

function senderOf({ from }: ParsedMail, { mailFrom }: SMTPServerSession['envelope']): string {
  const { name = '', address = '' } = from?.value[0] ?? (mailFrom === false ? {} : { address: mailFrom.address });
  return name === '' ? address : `${name} <${address}>`;
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** @param hosts what it may be called; under another name a foreign page would be reading other people's mail */
function show(mails: Mails, hosts: readonly string[]): Server {
  const server = createServer((request, response) => {
    const { status, type, text } = hosts.includes(request.headers.host ?? '')
      ? answer(request, mails)
      : plain(421, 'Unknown host');
    response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8` });
    response.end(text);
  });
  server.requestTimeout = 10_000;
  return server;
}

function answer({ method, url = '/' }: IncomingMessage, mails: Mails): Answer {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET');
  const { pathname, searchParams } = new URL(`http://${HOST}/${url.replace(/^\/+/, '')}`);
  const asset = ASSETS[pathname];
  if (asset) return { status: 200, ...asset };
  const asked = pathname.startsWith('/mail/') ? mails.find(pathname.slice('/mail/'.length)) : undefined;
  if (asked || pathname === '/') return { status: 200, type: 'text/html', text: mailboxPage(mails.list(), asked) };
  if (pathname === '/newest') return plain(200, mails.list()[0]?.id ?? '');
  if (pathname !== '/messages') return plain(404, 'There is no such mail');
  const items = mails.list(searchParams.get('to') ?? undefined);
  return { status: 200, type: 'application/json', text: JSON.stringify({ items }) };
}

const plain = (status: number, text: string): Answer => ({ status, type: 'text/plain', text });
