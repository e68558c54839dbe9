import { join } from 'node:path';
import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { freePort } from '@rebelcore/embedded/processes';
import { readState, writeState } from '@rebelcore/embedded/state-file';
import { z } from 'zod';
import type { ServiceName } from '../service-program.js';

export interface LaunchOptions {
  /** `usual`: the documented ports where they are free; `free`: any. */
  readonly ports?: 'usual' | 'free';
  /** Told what is being done, for people. */
  readonly progress?: (line: string) => void;
}

type Listener = ServiceName | 'postgres' | 'kafka' | 'mailbox' | 'smtp';

const USUAL_PORTS: Readonly<Record<Listener, number>> = {
  portal: 3000,
  identity: 3001,
  token: 3002,
  audit: 3003,
  inference: 3004,
  postgres: 54_320,
  kafka: 9092,
  mailbox: 8025,
  smtp: 1025,
};

const SILENCE_MS = 5_000;
/** How often a start goes on with another port where somebody else was faster. */
export const PORTS_TRIED = 3;

/** One start of the system: the folder it has for itself, its ports, and whom it tells what is done. */
export class Launch {
  /** What has been chosen; it is given out once per process, so that another one is found where it is chosen again. */
  private readonly ports = new Map<string, number>();

  constructor(
    readonly folder: DataFolder,
    private readonly options: LaunchOptions,
  ) {}

  /** The port that is asked for; 0 where any will do. */
  wantedPort(of: Listener): number {
    return this.options.ports === 'free' ? 0 : USUAL_PORTS[of];
  }

  /** A port that was free when this was first asked for, the wanted one if it was. */
  async port(of: Listener): Promise<number> {
    const port = this.ports.get(of) ?? (await (of === 'portal' ? this.portalPort() : freePort(this.wantedPort(of))));
    this.ports.set(of, port);
    return port;
  }

  /** Somebody else has bound it in the meantime: the next call of `port` chooses another. */
  portIsTaken(of: string): void {
    this.ports.delete(of);
  }

  /** That of the first start wherever it is free: tokens, links and cookies name the portal's origin. */
  private async portalPort(): Promise<number> {
    const file = join(this.folder.dataDir, 'ports.json');
    const known = readState(file, z.object({ portal: z.int().min(1).max(65_535) }))?.portal;
    const port = await freePort(known ?? this.wantedPort('portal'));
    if (known === undefined) writeState(file, { portal: port });
    else if (port !== known)
      this.options.progress?.(`Port ${known} is taken: the portal is at ${port}, and tokens issued before are refused`);
    return port;
  }

  /**
   * Does one step of the start and says how long it took.
   *
   * @param missing what it waits for at the moment, said when that takes long
   */
  async step<T>(title: string, work: () => Promise<T>, missing = () => ''): Promise<T> {
    const started = performance.now();
    const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    const silence = setInterval(() => {
      const what = missing();
      this.options.progress?.(
        `Waiting for ${title}${what === '' ? '' : ` (${what})`}, ${elapsed()} so far; logs are in ${this.folder.logDir}`,
      );
    }, SILENCE_MS);
    try {
      const result = await work();
      this.options.progress?.(`${title} ready after ${elapsed()}`);
      return result;
    } finally {
      clearInterval(silence);
    }
  }
}
