import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger as PinoLogger } from 'nestjs-pino';
import { logModule } from './log.js';

const lines: string[] = [];

@Module({ imports: [logModule('sample', 'info', { write: (line) => lines.push(line) })] })
class SampleModule {}

/** What is logged of this through Nest's logger, as every service does. */
async function logged(entry: unknown): Promise<Record<string, unknown>> {
  const app = await NestFactory.createApplicationContext(SampleModule, { bufferLogs: true });
  app.useLogger(app.get(PinoLogger));
  lines.length = 0;
  new Logger('Sample').error(entry);
  await app.close();
  return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
}

describe('an error in the log', () => {
  const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED', parameters: ['hunter2'] });
  const error = new TypeError('the view cannot be read', { cause });

  it.each([
    ['by itself', error],
    ['as a member', { err: error }],
  ])('keeps type, message, stack and cause when it is logged %s', async (_, entry) => {
    const { err } = await logged(entry);
    expect(err).toMatchObject({
      type: 'TypeError',
      message: 'the view cannot be read',
      stack: expect.stringContaining('log.spec') as unknown,
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connection refused' },
    });
  });

  it('shows nothing else of it', async () => {
    await logged(error);
    expect(lines.join('')).not.toContain('hunter2');
  });

  it('comes without what is secret beside it', async () => {
    const entry = await logged({ password: 'hunter2', request: { authorization: 'Bearer hunter2' }, user: 'u-1' });
    expect(entry).toMatchObject({ user: 'u-1', request: {} });
    expect(lines.join('')).not.toContain('hunter2');
  });
});
