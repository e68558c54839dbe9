// Writes src/api/schema.d.ts from docs/openapi.json, so that a contract that changed fails the types of the pages.
import { readFile, writeFile } from 'node:fs/promises';
import openapi, { astToString } from 'openapi-typescript';

const source = new URL('../../../docs/openapi.json', import.meta.url);
const document = JSON.parse(await readFile(source, 'utf8'));
const target = new URL('src/api/schema.d.ts', import.meta.url);
// Left to itself it makes the folder a URL without encoding it, which fails where its name has a percent sign.
const types = astToString(await openapi(document, { cwd: new URL('.', source) }));
const text = `// Made by types.mjs from docs/openapi.json; not edited.\n${types}`;
const present = await readFile(target, 'utf8').catch(() => '');
if (present !== text) await writeFile(target, text);
