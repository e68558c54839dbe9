import type { Client, Pool } from 'pg';

/** What ends a pause before its time, besides {@link WakeUp.interrupt}. */
interface PauseOptions {
  readonly untilWoken: boolean;
}

/**
 * The pauses of one relay and what ends them. Whoever commits rows wakes the relay of its own process; where another
 * process leads, a notification of Postgres wakes it there.
 */
export class WakeUp {
  private woken = false;
  private stopped = false;
  private pausing: (PauseOptions & { readonly end: () => void }) | undefined;
  private notifying: Promise<void> | undefined;
  private notifyAgain = false;

  constructor(
    private readonly pool: Pool,
    private readonly channel: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Ends the pause that waits for it, or else the next one. */
  wake(): void {
    this.woken = true;
    if (this.pausing?.untilWoken === true) this.interrupt();
  }

  /** Forgets the calls of {@link wake} so far: what they spoke of is about to be read. */
  reset(): void {
    this.woken = false;
  }

  /** Has every notification wake this process, for as long as the connection lives. */
  async listen(client: Client): Promise<void> {
    client.on('notification', () => {
      this.wake();
    });
    await client.query(`listen ${client.escapeIdentifier(this.channel)}`);
  }

  /** Wakes the process that listens; calls that come while one is under way go together. */
  notify(): void {
    if (this.notifying === undefined) this.notifying = this.sendNotifications();
    else this.notifyAgain = true;
  }

  async pause(ms: number, { untilWoken }: PauseOptions = { untilWoken: false }): Promise<void> {
    if (this.stopped || (untilWoken && this.woken)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      this.pausing = { untilWoken, end };
    });
    this.pausing = undefined;
  }

  /** Ends the present pause, whatever it waits for. */
  interrupt(): void {
    this.pausing?.end();
  }

  /** From now on nothing pauses. Resolves when the last notification is out. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.interrupt();
    await this.notifying;
  }

  private async sendNotifications(): Promise<void> {
    do {
      this.notifyAgain = false;
      await this.pool.query("select pg_notify($1, '')", [this.channel]).catch(this.onError);
    } while (this.notifyAgain as boolean);
    this.notifying = undefined;
  }
}
