import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { Launch } from './launch.js';

describe('Launch', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-launch-'));
  const said: string[] = [];
  const launch = () =>
    new Launch({ dataDir } as DataFolder, {
      ports: 'free',
      progress: (line) => {
        said.push(line);
      },
    });

  afterAll(() => {
    rmSync(dataDir, { recursive: true });
  });

  it('gives a part the same port until somebody else has it', async () => {
    const start = launch();
    const port = await start.port('audit');
    expect(await start.port('audit')).toBe(port);
    expect(await start.port('token')).not.toBe(port);
    start.portIsTaken('audit');
    expect(await start.port('audit')).not.toBe(port);
  });

  it('keeps the port of the portal from start to start, another one being taken or not, and says when it cannot', async () => {
    const start = launch();
    const port = await start.port('portal');
    start.portIsTaken('audit');
    expect(await start.port('portal')).toBe(port);
    const other = await occupy(port);
    expect(await launch().port('portal')).not.toBe(port);
    expect(said).toEqual([expect.stringContaining(`Port ${port} is taken: the portal is at `)]);
    other.close();
  });
});

function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
