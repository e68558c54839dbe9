import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { freePort } from '@rebelcore/embedded/processes';
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

  /** A port that is free now, the wanted one if it is. */
  port(part: Part): Promise<number> {
    return freePort(this.wantedPort(part));
  }

  /** Does one step of the start and says how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    const started = Date.now();
    const result = await work();
    this.options.progress?.(`${title} ready after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return result;
  }
}
