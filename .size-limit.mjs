// What a browser fetches of the web app, gzipped, as the build's manifest says; `npm run size`, after a build.
import { readdirSync, readFileSync } from 'node:fs';

const web = 'apps/portal/web';
const manifest = JSON.parse(readFileSync(`${web}/dist/.vite/manifest.json`, 'utf8'));

/** The scripts and styles of an entry with all that it imports at once. */
function filesOf(key, found = new Set()) {
  const { file, css = [], imports = [] } = manifest[key];
  for (const name of [file, ...css]) found.add(`${web}/dist/${name}`);
  for (const next of imports) if (!found.has(`${web}/dist/${manifest[next].file}`)) filesOf(next, found);
  return found;
}

const signIn = filesOf('src/pages/sign-in/sign-in.page.tsx', filesOf('index.html'));
const all = readdirSync(`${web}/dist/assets`)
  .filter((name) => /\.(js|css)$/.test(name))
  .map((name) => `${web}/dist/assets/${name}`);
// Only a browser that has no Temporal of its own fetches one.
const temporal = all.filter((path) => path.includes('/temporal-polyfill-'));

export default [
  { name: 'sign-in route', path: [...signIn], gzip: true, limit: '150 kB' },
  { name: 'whole app', path: all.filter((path) => !temporal.includes(path)), gzip: true, limit: '280 kB' },
  { name: 'Temporal, where the browser has none', path: temporal, gzip: true, limit: '20 kB' },
];
