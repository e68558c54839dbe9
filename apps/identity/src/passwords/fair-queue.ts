/** There is no room to wait; come back later. */
export class QueueFull extends Error {
  constructor() {
    super('too many are waiting');
    this.name = 'QueueFull';
  }
}

export interface FairQueueLimits {
  /** How many run at the same moment. */
  readonly atOnce: number;
  /** How many of one source wait. */
  readonly perSource: number;
  /** How many wait altogether. */
  readonly inTotal: number;
}

interface Waiting {
  readonly start: () => void;
  readonly shed: () => void;
}

/**
 * Lets a few run and the others wait, source by source in turn: who floods waits behind itself. When there is no room for
 * one more, the source with the longest line gives up its last place, unless the one who comes has as long a line itself.
 */
export class FairQueue {
  /** The lines in the order in which their sources have a turn; none is empty. */
  private readonly lines = new Map<string, Waiting[]>();
  private running = 0;
  private waiting = 0;

  constructor(private readonly limits: FairQueueLimits) {}

  /** @throws {QueueFull} at once, or later when the place was given to another source */
  async run<T>(source: string, work: () => Promise<T>): Promise<T> {
    await this.turnOf(source);
    try {
      return await work();
    } finally {
      this.next();
    }
  }

  private turnOf(source: string): Promise<void> | void {
    if (this.running < this.limits.atOnce) {
      this.running++;
      return;
    }
    const line = this.lines.get(source) ?? [];
    if (line.length >= this.limits.perSource) throw new QueueFull();
    if (this.waiting >= this.limits.inTotal) this.makeRoom(line.length);
    this.lines.set(source, line);
    this.waiting++;
    return new Promise((resolve, reject) => {
      line.push({
        start: resolve,
        shed: () => {
          reject(new QueueFull());
        },
      });
    });
  }

  private next(): void {
    const [turn] = this.lines;
    if (turn === undefined) {
      this.running--;
      return;
    }
    const [source, line] = turn;
    const first = line.shift();
    this.waiting--;
    this.lines.delete(source);
    if (line.length > 0) this.lines.set(source, line);
    first?.start();
  }

  private makeRoom(ownLength: number): void {
    let longest: Waiting[] = [];
    for (const line of this.lines.values()) if (line.length > longest.length) longest = line;
    // Equal lines stay as they are: else two floods would shed each other's places for ever.
    if (longest.length <= ownLength + 1) throw new QueueFull();
    this.waiting--;
    longest.pop()?.shed();
  }
}
