// What a browser fetches of the web app, gzipped, as the build's manifest says; `npm run size`, after a build.
import { readFileSync } from 'node:fs';

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

export default [
  { name: 'sign-in route', path: [...signIn], gzip: true, limit: '150 kB' },
  { name: 'whole app', path: `${web}/dist/assets/*.{js,css}`, gzip: true, limit: '280 kB' },
];
