import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program of another language that answers one line with one line, both JSON; it ends when its input does. */
export class Program {
  private readonly child;
  private readonly lines;

  constructor([command = '', ...args]: readonly string[], env: Readonly<Record<string, string | undefined>>) {
    const { PATH, HOME } = process.env;
    this.child = spawn(command, args, { env: { PATH, HOME, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws with what the program says in `error`, or when it has ended */
  async ask(question: object): Promise<Record<string, unknown>> {
    this.child.stdin.write(`${JSON.stringify(question)}\n`);
    const { done, value } = await this.lines.next();
    if (done === true) throw new Error('the program has ended');
    const answer = JSON.parse(value) as Record<string, unknown> & { error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  end(): Promise<unknown> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    return this.child.exitCode === null ? ended : Promise.resolve();
  }
}
