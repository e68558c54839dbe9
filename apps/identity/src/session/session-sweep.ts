import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { SessionStore } from './session.store.js';

const EVERY_MS = 60_000;

/** Clears sessions that are over away, once a minute. They open nothing meanwhile; but their secrets and addresses go. */
@Injectable()
export class SessionSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('SessionSweep');
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly sessions: SessionStore) {}

  onApplicationBootstrap(): void {
    this.start(EVERY_MS);
  }

  start(everyMs: number): void {
    this.timer = setInterval(() => {
      this.sessions.sweep().catch((error: unknown) => {
        this.logger.warn({ err: error, msg: 'sessions that are over could not be cleared away; trying again' });
      });
    }, everyMs).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
