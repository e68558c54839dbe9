import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { DataFolder } from './data-folder.js';
import { checkLife, lifeOf, markOfPostgres, partIsMade } from './life.js';
import { Secrets } from './secrets.js';
import { readState, writeState } from './state-file.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'state-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

const DAMAGED = ['', '\0\0\0\0', 'null', '{"a":', '[1]'];

describe('a state file', () => {
  it('is read as it was written, by its owner only', () => {
    const file = join(dataDir, 'state.json');
    writeState(file, { a: 1 });
    expect(readState(file, z.object({ a: z.number() }))).toEqual({ a: 1 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(DAMAGED)('is as good as missing when it holds %j', (content) => {
    const file = join(dataDir, 'state.json');
    writeFileSync(file, content);
    expect(readState(file, z.record(z.string(), z.string()))).toBeUndefined();
  });
});

describe('secrets', () => {
  it.each([...DAMAGED, undefined])('that are %j are not made anew beside data', (content) => {
    if (content !== undefined) writeFileSync(join(dataDir, 'secrets.json'), content);
    mkdirSync(join(dataDir, 'postgres'));
    expect(() => new Secrets(dataDir)).toThrow(/secrets\.json is (damaged|missing), .* restore it .* remove /);
  });

  it('are made where there is no data, and kept', () => {
    const made = new Secrets(dataDir).key('some');
    expect(new Secrets(dataDir).key('some')).toBe(made);
    expect(readFileSync(join(dataDir, 'secrets.json'), 'utf8')).toContain(made);
  });
});

describe('the life of a folder', () => {
  const BOTH = ['postgres', 'kafka'] as const;
  const folder = () => ({ dataDir, secrets: new Secrets(dataDir) }) as DataFolder;
  const make = (lives: Partial<Record<'postgres' | 'kafka', string>> = {}) => {
    const { secrets } = folder();
    const life = lifeOf({ dataDir, secrets } as DataFolder);
    for (const name of ['postgres.superuser', 'kafka.admin']) secrets.text(name);
    const postgres = join(dataDir, 'postgres');
    const kafka = join(dataDir, 'kafka', 'node-1', 'logs');
    mkdirSync(postgres);
    writeFileSync(markOfPostgres(postgres), lives.postgres ?? life);
    mkdirSync(kafka, { recursive: true });
    writeFileSync(join(kafka, 'meta.properties'), `version=1\ncluster.id=${lives.kafka ?? life}\n`);
    for (const part of BOTH) partIsMade(folder(), part);
  };

  it('is one id that all parts carry', () => {
    make();
    expect(() => {
      checkLife(folder(), BOTH);
    }).not.toThrow();
  });

  it.each(BOTH)('misses %s once it was made', (part) => {
    make();
    rmSync(join(dataDir, part), { recursive: true });
    expect(() => {
      checkLife(folder(), BOTH);
    }).toThrow(new RegExp(`/${part}\\) is missing\\. Restore it .* remove `));
  });

  it.each(BOTH)('refuses %s of another', (part) => {
    make({ [part]: 'another' });
    expect(() => {
      checkLife(folder(), BOTH);
    }).toThrow(`/${part}) is of another life`);
  });

  it.each(['', '\0\0\0\0'])('says what to write into a mark of the databases that is %j', (mark) => {
    make({ postgres: mark });
    const life = lifeOf(folder());
    expect(() => {
      checkLife(folder(), BOTH);
    }).toThrow(`bears no id that can be read. Restore it from the backup that the rest is from, write ${life} into `);
    writeFileSync(markOfPostgres(join(dataDir, 'postgres')), `${life}\n`);
    expect(() => {
      checkLife(folder(), BOTH);
    }).not.toThrow();
  });

  it.each([
    ['', 'bears no id'],
    ['another', 'is of another life'],
  ])('says how to go on without a log of Kafka whose id is %j', (id, fault) => {
    make({ kafka: id });
    for (const isKafkaLost of [false, true]) {
      expect(() => {
        checkLife(folder(), BOTH, { isKafkaLost });
      }).toThrow(new RegExp(`${fault}.*, move .*/kafka away and go on with .* "npm start -- --kafka-lost"`));
    }
  });

  it.each(['{}', 'without a life', 'without the password of the databases', 'without that of Kafka'])(
    'refuses secrets that are %s beside data that was made with others, and changes nothing',
    (kind) => {
      make();
      const file = join(dataDir, 'secrets.json');
      const secrets = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
      const lost = { 'without a life': 'life', 'without that of Kafka': 'kafka.admin' }[kind] ?? 'postgres.superuser';
      const left = Object.entries(secrets).filter(([name]) => kind !== '{}' && name !== lost);
      writeState(file, Object.fromEntries(left));
      expect(() => {
        checkLife(folder(), BOTH);
      }).toThrow(/secrets\.json is incomplete, .* restore it .* remove /);
      expect(readState(file, z.record(z.string(), z.string()))).toEqual(Object.fromEntries(left));
    },
  );

  it('takes data as it is that a version made which marked nothing', () => {
    make();
    rmSync(markOfPostgres(join(dataDir, 'postgres')));
    writeState(join(dataDir, 'secrets.json'), { 'postgres.superuser': 'a', 'kafka.admin': 'b' });
    expect(() => {
      checkLife(folder(), BOTH);
    }).not.toThrow();
  });

  it('goes on without the log of Kafka where somebody knows that it is lost, and refuses whatever else is wrong', () => {
    const goOn = () => {
      checkLife(folder(), BOTH, { isKafkaLost: true });
    };
    make();
    rmSync(join(dataDir, 'kafka'), { recursive: true });
    expect(goOn).not.toThrow();
    rmSync(join(dataDir, 'postgres'), { recursive: true });
    expect(goOn).toThrow('/postgres) is missing');
    make({ kafka: 'another' });
    expect(goOn).toThrow('/kafka) is of another life');
  });

  it('asks for no part that is not embedded', () => {
    make();
    rmSync(join(dataDir, 'kafka'), { recursive: true });
    expect(() => {
      checkLife(folder(), ['postgres']);
    }).not.toThrow();
  });
});
