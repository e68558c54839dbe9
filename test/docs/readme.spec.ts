import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Paths of this repository in code and links, with the names that are said to stand there: `libs/a.ts:load, save`. */
const places = [
  ...readme.matchAll(/(?:^|[`(])((?:apps|libs|test|docs|bench)\/[\w./-]+\.\w+)(?::(\w+(?:, \w+)*))?/gm),
].map(([, path = '', names = '']) => ({ path, names: names.split(', ').filter(Boolean) }));

it('leads to files that are there, and to what they are said to hold', () => {
  expect(places.filter(({ names }) => names.length > 0).length).toBeGreaterThan(10);
  const wrong = places.filter(({ path, names }) => {
    const file = join(root, path);
    return !existsSync(file) || names.some((name) => !new RegExp(`\\b${name}\\b`).test(readFileSync(file, 'utf8')));
  });
  expect(wrong).toEqual([]);
});

it('names commands that there are', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = [...readme.matchAll(/\bnpm run ([\w:]+)/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
});
