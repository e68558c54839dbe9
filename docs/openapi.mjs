// Prints the OpenAPI document of everything that the gateway offers, made from the built services without running them.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { describeService } from '@rebelcore/service/bootstrap';
import { mergeDocuments } from '../apps/portal/gateway/dist/api-document.js';

const key = () => randomBytes(32).toString('base64url');
const url = 'http://127.0.0.1:3000';
const database = `postgres://none:${key()}@127.0.0.1/none`;

/** What a service wants to know before it starts. Nothing here is ever connected to. */
const environment = {
  KAFKA_BROKERS: '127.0.0.1:9092',
  SPOOL_DIR: '/none',
  IDENTITY_DATABASE_URL: database,
  TOKEN_DATABASE_URL: database,
  AUDIT_DATABASE_URL: database,
  INFERENCE_DATABASE_URL: database,
  CREDENTIAL_PEPPERS: `v1:${key()}`,
  OPERATOR_TOKEN: key(),
  KEY_ENCRYPTION_KEY: key(),
  CURSOR_KEY: key(),
  IDENTITY_JWKS_URL: url,
  TOKEN_JWKS_URL: url,
  TOKEN_ISSUER: url,
  PUBLIC_URL: url,
  SMTP_URL: 'smtp://127.0.0.1:2525',
  MAIL_FROM: 'portal@portal.invalid',
};

const parts = [];
for (const name of ['identity', 'token', 'audit', 'inference']) {
  const app = await import(`../apps/${name}/dist/${name}.app.js`);
  const config = await import(`../apps/${name}/dist/${name}.config.js`);
  parts.push([name, await describeService(app[`${name}App`](config[`${name}Config`](environment)))]);
}
process.stdout.write(JSON.stringify({ ...mergeDocuments(parts, url), servers: [{ url: '/' }] }));
