import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const docs = new URL('../../docs/', import.meta.url);

it('stands in docs/openapi.json exactly as the built services describe themselves', () => {
  const script = fileURLToPath(new URL('openapi.mjs', docs));
  const described: unknown = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }));
  expect(JSON.parse(readFileSync(new URL('openapi.json', docs), 'utf8'))).toEqual(described);
});
