import { until } from '@rebelcore/testing/until';
import getPort from 'get-port';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/** A real mail server on a free port, which can go away and come back at the same address. */
export class MailServer {
  readonly mails: ParsedMail[] = [];
  /** Addresses that do not exist. */
  readonly unknown = new Set<string>();
  refusals = 0;
  private server: SMTPServer | undefined;

  private constructor(private readonly port: number) {}

  static async start(): Promise<MailServer> {
    const server = new MailServer(await getPort());
    await server.comeBack();
    return server;
  }

  get url(): string {
    return `smtp://127.0.0.1:${String(this.port)}`;
  }

  async comeBack(): Promise<void> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo: ({ address }, _, done) => {
        if (!this.unknown.has(address)) {
          done();
          return;
        }
        this.refusals += 1;
        done(Object.assign(new Error(`there is no ${address}`), { responseCode: 550 }));
      },
      onData: (stream, _, done) => {
        simpleParser(stream).then((mail) => {
          this.mails.push(mail);
          done();
        }, done);
      },
    });
    this.server = server;
    await new Promise<void>((resolve) => {
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  async goAway(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server?.close(resolve);
    });
  }

  mailsTo(email: string): ParsedMail[] {
    return this.mails.filter(({ to }) => !Array.isArray(to) && to?.value.some(({ address }) => address === email));
  }

  /** The token in the link of the n-th mail to an address, once that has come. */
  async token(email: string, n = 1): Promise<string> {
    const mail = await until(() => this.mailsTo(email)[n - 1], `mail ${String(n)} to ${email}`);
    const [, token = ''] = /\/invite#([\w-]+)/.exec(mail.text ?? '') ?? [];
    return token;
  }
}
