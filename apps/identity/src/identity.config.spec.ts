import { randomBytes } from 'node:crypto';
import { identityConfig } from './identity.config.js';

const key = () => randomBytes(32).toString('base64url');
const config = (mail: Record<string, string>) =>
  identityConfig({
    KAFKA_BROKERS: 'kafka:9092',
    SPOOL_DIR: '/spool',
    IDENTITY_DATABASE_URL: `postgres://identity:${key()}@db/identity`,
    CREDENTIAL_PEPPERS: `v1:${key()}`,
    OPERATOR_TOKEN: key(),
    KEY_ENCRYPTION_KEY: key(),
    ...mail,
  });

describe('the mail server in the configuration', () => {
  it('may be missing, also as the empty text that a compose file makes of it', () => {
    expect(config({ SMTP_URL: '', MAIL_FROM: '' }).SMTP_URL).toBeUndefined();
  });

  it.each(['no-reply@example.com', 'API users <no-reply@example.com>'])('sends as %s', (from) => {
    const { SMTP_URL, MAIL_FROM } = config({ SMTP_URL: 'smtps://u:p@mail.example:465', MAIL_FROM: from });
    expect([SMTP_URL, MAIL_FROM]).toEqual(['smtps://u:p@mail.example:465', from]);
  });

  it.each([
    [{ SMTP_URL: 'smtp://mail' }, 'MAIL_FROM: is required beside SMTP_URL'],
    [{ SMTP_URL: 'http://mail', MAIL_FROM: 'a@b.c' }, 'SMTP_URL: must be an smtp:// or smtps:// URL'],
    [{ SMTP_URL: 'smtp://mail', MAIL_FROM: 'nobody' }, 'MAIL_FROM: must be an e-mail address, or a name'],
    [{ SMTP_URL: 'smtp://mail', MAIL_FROM: 'a@b.c\r\nbcc: d@e.f' }, 'MAIL_FROM: must be an e-mail address'],
  ])('refuses %j', (mail, problem) => {
    expect(() => config(mail)).toThrow(problem);
  });
});
