import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataFolder } from '@rebelcore/embedded/data-folder';
import { Secrets } from '@rebelcore/embedded/secrets';
import { withoutEmpty } from '../launcher.config.js';
import { startInfrastructure } from './infrastructure.js';
import { Launch } from './launch.js';

describe('infrastructure of one’s own', () => {
  const variables = withoutEmpty({
    KAFKA_BROKERS: '127.0.0.1:1',
    KAFKA_USERNAME: 'x',
    KAFKA_PASSWORD: '',
    SMTP_URL: '',
  });
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-infrastructure-'));
  afterAll(() => {
    rmSync(dataDir, { recursive: true });
  });

  it('is not described by variables that are empty', () => {
    expect(variables).toEqual({ KAFKA_BROKERS: '127.0.0.1:1', KAFKA_USERNAME: 'x' });
  });

  it('is refused with half a login of Kafka, before anything is made', async () => {
    const launch = new Launch({ dataDir, secrets: new Secrets(dataDir) } as DataFolder, { ports: 'free' });
    await expect(startInfrastructure(launch, { variables }, () => undefined)).rejects.toThrow(
      'KAFKA_USERNAME and KAFKA_PASSWORD: both or neither must be set',
    );
    expect(['postgres', 'kafka', 'secrets.json'].filter((name) => existsSync(join(dataDir, name)))).toEqual([]);
  });
});
