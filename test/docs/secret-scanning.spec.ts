import { isApiUserPassword, newApiUserPassword } from '@rebelcore/credentials/api-user-password';
import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../docs/secret-scanning', name), 'utf8');
const only = (text: string, pattern: RegExp): string => {
  const [, found] = pattern.exec(text) ?? [];
  if (found === undefined) throw new Error(`${pattern.source} is not there`);
  return found;
};

interface SecretlintConfig {
  readonly rules: readonly [{ readonly options: { readonly patterns: readonly [{ readonly patterns: [string] }] } }];
}
const secretlint = (JSON.parse(read('secretlintrc.json')) as SecretlintConfig).rules[0].options.patterns[0].patterns[0];

/** As each tool reads it. What GitHub puts around a custom pattern by itself is added here. */
const RULES: readonly (readonly [string, RegExp])[] = [
  ['gitleaks', new RegExp(only(read('gitleaks.toml'), /^regex = '''(.+)'''$/m), 'g')],
  ['TruffleHog', new RegExp(only(read('trufflehog.yaml'), /^ +password: '(.+)'$/m), 'g')],
  ['secretlint', new RegExp(only(secretlint, /^\/(.+)\/$/), 'g')],
  ['GitHub', new RegExp(`(?:^|[^0-9A-Za-z])(${only(read('README.md'), /```text\n(.+)\n```/)})(?:$|[^0-9A-Za-z])`, 'g')],
];

/** Where people leave them. */
const PLACES: readonly ((password: string) => string)[] = [
  (password) => password,
  (password) => `REBELCORE_PASSWORD=${password}\n`,
  (password) => `  "password": "${password}",\n`,
  (password) => `password: ${password} # production`,
  (password) => `const key = '${password}';`,
  (password) => `curl -u 0198a1de-aaaa-7000-8000-000000000001@api.rebelcore.local:${password} https://x.test`,
  (password) => `https://name:${password}@example.test/`,
  (password) => `grant_type=client_credentials&client_secret=${password}&scope=x`,
  (password) => `a,b,${password},c\r\n`,
  (password) => `<password>${password}</password>`,
  (password) => `**${password}**`,
  (password) => `secret_${password}_old`,
];

const foundBy = (rule: RegExp, text: string): string[] => [...text.matchAll(rule)].map(([all, group]) => group ?? all);

/** The same on every run, and as good as random. */
function randomBase64(megabytes: number): string {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'scan'), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(megabytes * 750_000)).toString('base64');
}

describe.each(RULES)('the rule for %s', (_, rule) => {
  it('finds 1 000 of 1 000 passwords', () => {
    const planted = Array.from({ length: 1_000 }, newApiUserPassword);
    const text = planted.map((password, n) => PLACES[n % PLACES.length]?.(password) ?? '').join('\n');
    expect(foundBy(rule, text)).toEqual(planted);
  });

  it('finds nothing that is longer or shorter', () => {
    const password = newApiUserPassword();
    expect(foundBy(rule, `x${password} ${password}x ${password.slice(0, -1)}`)).toEqual([]);
  });

  it('finds none in 100 MB of random base64, lines or none', () => {
    const text = randomBase64(100);
    expect(foundBy(rule, text)).toEqual([]);
    expect(foundBy(rule, text.slice(0, 20_000_000).replace(/.{76}/g, '$&\n'))).toEqual([]);
  });
});

it('the checksum is wrong in what only looks like a password', () => {
  const looksAlike = Array.from({ length: 1_000 }, () => newApiUserPassword().replace(/.{6}$/, '000000'));
  expect(looksAlike.filter(isApiUserPassword)).toEqual([]);
});
