// Writes src/api/schema.d.ts from docs/openapi.json, so that a contract that changed fails the types of the pages.
import { readFile, writeFile } from 'node:fs/promises';
import openapi, { astToString } from 'openapi-typescript';

const document = JSON.parse(await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'));
const target = new URL('src/api/schema.d.ts', import.meta.url);
const text = `// Made by types.mjs from docs/openapi.json; not edited.\n${astToString(await openapi(document))}`;
const present = await readFile(target, 'utf8').catch(() => '');
if (present !== text) await writeFile(target, text);
