// Writes docs/asyncapi.json and docs/schemas/*.json from the zod schemas in libs/contracts; a test compares them.
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
for (const [type, schema] of Object.entries(dataSchemas())) await write(`schemas/${type}.json`, schema);
