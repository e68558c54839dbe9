// Writes docs/asyncapi.json and docs/schemas/*.json from the zod schemas in libs/contracts, and docs/openapi.json from
// the built services; tests compare them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { asyncApiDocument, dataSchemas } from '@rebelcore/contracts/json-schema';

const write = async (name, value) =>
  writeFileSync(
    new URL(name, import.meta.url),
    await format(JSON.stringify(value), { parser: 'json', printWidth: 120 }),
  );

mkdirSync(new URL('schemas/', import.meta.url), { recursive: true });
await write('asyncapi.json', asyncApiDocument());
await write(
  'openapi.json',
  JSON.parse(execFileSync(process.execPath, [`${import.meta.dirname}/openapi.mjs`], { encoding: 'utf8' })),
);
for (const [type, schema] of Object.entries(dataSchemas())) await write(`schemas/${type}.json`, schema);
