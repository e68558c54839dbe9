import { envFile, envFileName, jsonText, LANGUAGES, MASKED, snippet } from './credential-texts.js';

const access = {
  origin: 'https://portal.example',
  username: '0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11@api.rebelcore.local',
};
const password = 'k3vTq9ZpWm2Ls8XnRb5YcHd7FgJ4tVwE6aUxQiOzPr1MyNsD';

describe('texts of credentials', () => {
  it('writes a .env file that every reader takes alike', () => {
    expect(envFile(access, password)).toBe(
      `REBELCORE_URL=https://portal.example\nREBELCORE_USERNAME=${access.username}\nREBELCORE_PASSWORD=${password}\n`,
    );
  });

  it('writes JSON with the same three values', () => {
    expect(JSON.parse(jsonText(access, password))).toEqual({
      url: access.origin,
      username: access.username,
      password,
    });
  });

  it.each(LANGUAGES)('names address, username and password once each in %s, and masked it is the same text', (name) => {
    const text = snippet(name, access, password);
    for (const value of ['https://portal.example/api/v1/authorize', access.username, password]) {
      expect(text.split(value)).toHaveLength(2);
    }
    expect(snippet(name, access, MASKED)).toBe(text.replace(password, MASKED));
  });

  it('keeps the password out of the arguments of curl', () => {
    const [command, body] = snippet('curl', access, password).split("<<'END'\n");
    expect(command).not.toContain(password);
    expect(JSON.parse(body?.replace('\nEND', '') ?? '')).toEqual({ username: access.username, password });
  });

  it.each([
    ['billing · production', 'billing-production.env'],
    ['Zürich', 'zurich.env'],
    ['../../etc/passwd', 'etc-passwd.env'],
    ['=1+1', '1-1.env'],
    ['请求', 'api-user.env'],
    [null, 'api-user.env'],
  ])('names the file of the label %p %p', (label, name) => {
    expect(envFileName(label)).toBe(name);
  });

  it('keeps the name of a file short', () => {
    expect(envFileName('a'.repeat(200)).length).toBeLessThanOrEqual(64);
  });
});
