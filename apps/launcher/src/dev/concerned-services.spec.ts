import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, ROOT, SERVICES } from '../service-program.js';
import { concernedServices, readReferences } from './concerned-services.js';

const references = readReferences(ROOT);

describe('concernedServices', () => {
  const concerned = (...files: string[]) => concernedServices(files, references);

  it('is the service itself for a file of its own', () => {
    expect(concerned('apps/identity/dist/api-user/api-user.js')).toEqual(['identity']);
    expect(concerned('apps/portal/gateway/dist/main.js')).toEqual(['portal']);
  });

  it('is every service that is built from a library, also through another library', () => {
    expect(concerned('libs/event-store/dist/aggregate.js')).toEqual(['identity', 'audit']);
    expect(concerned('libs/contracts/dist/topics.js')).toEqual(SERVICES);
  });

  it('is each service once for several files', () => {
    const files = ['apps/token/dist/main.js', 'apps/audit/dist/main.js', 'apps/token/dist/token.app.js'];
    expect(concerned(...files)).toEqual(['token', 'audit']);
  });

  it('is none for what no service runs', () => {
    expect(concerned('apps/launcher/dist/main.js', 'apps/tour/dist/main.js')).toEqual([]);
    expect(concerned('libs/embedded/dist/kafka.js', 'libs/testing/dist/until.js')).toEqual([]);
  });
});

// What is built first and what is restarted both follow from it.
it.each(SERVICES)('the tsconfig.json of %s refers to exactly the libraries that it imports', (service) => {
  const sources = globSync(`${folderOf(service)}/src/**/*.ts`, { cwd: ROOT }).filter(
    (file) => !file.endsWith('spec.ts'),
  );
  const imported = sources.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/ from '@rebelcore\/([a-z-]+)/g)].map(
      ([, lib]) => `libs/${lib}`,
    ),
  );
  expect(references.get(folderOf(service))?.toSorted()).toEqual([...new Set(imported)].sort());
});
