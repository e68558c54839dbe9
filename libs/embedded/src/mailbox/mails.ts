import { join } from 'node:path';
import { z } from 'zod';
import { readState, writeState } from '../state-file.js';

const mail = z.object({
  id: z.string(),
  /** RFC 3339, UTC. */
  received_at: z.string(),
  from: z.string(),
  /** The addresses that it was delivered to, also those that its header hides. */
  to: z.array(z.string()),
  subject: z.string(),
  /** As plain text, also of a mail that is HTML only. */
  text: z.string(),
  /** The addresses of pages in the text, in order. */
  links: z.array(z.string()),
});
export type Mail = z.infer<typeof mail>;

const KEPT = 200;

/** The newest mails of a data folder, in `mailbox.json`; a list that is damaged begins anew, since it keeps nobody from working. */
export class Mails {
  private readonly file: string;
  private mails: readonly Mail[];

  constructor(dataDir: string) {
    this.file = join(dataDir, 'mailbox.json');
    this.mails = readState(this.file, z.array(mail)) ?? [];
  }

  /** Newest first; `to`: only those for this address. */
  list(to?: string): readonly Mail[] {
    return to === undefined ? this.mails : this.mails.filter((each) => each.to.includes(to));
  }

  find(id: string): Mail | undefined {
    return this.mails.find((each) => each.id === id);
  }

  /** Returns once it is on disk. */
  keep(received: Mail): void {
    this.mails = [received, ...this.mails].slice(0, KEPT);
    writeState(this.file, this.mails);
  }
}
