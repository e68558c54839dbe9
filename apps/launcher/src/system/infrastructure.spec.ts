import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { Secrets } from '@rebelcore/embedded/secrets';
import { Launch } from './launch.js';

describe('infrastructure of one’s own', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-infrastructure-'));
  const before = { ...process.env };
  beforeAll(() => {
    Object.assign(process.env, { KAFKA_BROKERS: '127.0.0.1:1', KAFKA_USERNAME: 'x', KAFKA_PASSWORD: '', SMTP_URL: '' });
  });
  afterAll(() => {
    process.env = before;
    rmSync(dataDir, { recursive: true });
  });

  it('is not described by variables that are empty', async () => {
    const { environment } = await import('../launcher.config.js');
    expect(Object.keys(environment)).toEqual(expect.not.arrayContaining(['KAFKA_PASSWORD', 'SMTP_URL']));
    expect(environment.KAFKA_BROKERS).toBe('127.0.0.1:1');
  });

  it('is refused with half a login of Kafka, before anything is made', async () => {
    const { startInfrastructure } = await import('./infrastructure.js');
    const launch = new Launch({ dataDir, secrets: new Secrets(dataDir) } as DataFolder, { ports: 'free' });
    await expect(startInfrastructure(launch, {}, () => undefined)).rejects.toThrow(
      'KAFKA_USERNAME and KAFKA_PASSWORD: both or neither must be set',
    );
    expect(['postgres', 'kafka', 'secrets.json'].filter((name) => existsSync(join(dataDir, name)))).toEqual([]);
  });
});
