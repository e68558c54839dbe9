import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import { openDataFolder, type DataFolder } from './data-folder.js';
import { startKafka } from './kafka.js';

describe('a Kafka whose port another one takes at the last moment', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-kafka-'));
  let folder: DataFolder;
  let other: Server;
  beforeAll(async () => {
    folder = await openDataFolder(dataDir);
  });
  afterAll(async () => {
    other.close();
    await folder.registry.stopEverything();
    rmSync(dataDir, { recursive: true });
  });

  it('goes on with another port, though its login was refused there', async () => {
    const starting = startKafka(folder, { nodes: 1, port: 0 });
    const ports = join(dataDir, 'kafka', 'ports.json');
    await until(() => existsSync(ports), 'a port to be chosen');
    const chosen = (JSON.parse(readFileSync(ports, 'utf8')) as Record<string, { client: number }>)['1']?.client;
    const [host = '', port = ''] = testKafka().brokers[0]?.split(':') ?? [];
    other = createServer((socket) => {
      const upstream = connect(Number(port), host);
      for (const each of [socket, upstream]) each.on('error', () => undefined);
      socket.pipe(upstream).pipe(socket);
    }).listen(chosen, '127.0.0.1');
    const { brokers } = await starting;
    expect(brokers).not.toEqual([`127.0.0.1:${chosen}`]);
  }, 120_000);
});
