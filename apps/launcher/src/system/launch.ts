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

type Part = ServiceName | 'postgres' | 'kafka' | 'mailbox' | 'smtp';

const USUAL_PORTS: Readonly<Record<Part, number>> = {
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

/** One start of the system: the folder it has for itself, its ports, and whom it tells what is done. */
export class Launch {
  constructor(
    readonly folder: DataFolder,
    private readonly options: LaunchOptions,
  ) {}

  /** The port that a part asks for; 0 where any will do. */
  wantedPort(part: Part): number {
    return this.options.ports === 'free' ? 0 : USUAL_PORTS[part];
  }

  /** That of the first start wherever it is free: tokens, links and cookies name the portal's origin. */
  async portalPort(): Promise<number> {
    const file = join(this.folder.dataDir, 'ports.json');
    const known = readState(file, z.object({ portal: z.int().min(1).max(65_535) }))?.portal;
    const port = await freePort(known ?? this.wantedPort('portal'));
    if (known === undefined) writeState(file, { portal: port });
    else if (port !== known)
      this.options.progress?.(`Port ${known} is taken: the portal is at ${port}, and tokens issued before are refused`);
    return port;
  }

  /** A port that is free now, the wanted one if it is. */
  port(part: Part): Promise<number> {
    return freePort(this.wantedPort(part));
  }

  /**
   * Does one step of the start and says how long it took.
   *
   * @param missing what it waits for at the moment, said when that takes long
   */
  async step<T>(title: string, work: () => Promise<T>, missing = () => 'to answer'): Promise<T> {
    const started = performance.now();
    const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    const silence = setInterval(() => {
      this.options.progress?.(
        `Waiting for ${title} ${missing()}, ${elapsed()} so far; logs are in ${this.folder.logDir}`,
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
