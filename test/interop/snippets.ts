import { readFileSync } from 'node:fs';

const guide = readFileSync(new URL('../../docs/oauth.md', import.meta.url), 'utf8');

/** The first snippet of the guide's section with this title, as it stands there. */
export function snippet(title: string, language: string): string {
  const section = guide.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  const [, code] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(section ?? '') ?? [];
  if (code === undefined) throw new Error(`docs/oauth.md has no ${language} under "${title}"`);
  return code;
}
