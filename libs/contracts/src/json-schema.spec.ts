import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { asyncApiDocument, dataSchemas } from './json-schema.js';

const published = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8'));

describe('the published schemas', () => {
  it('stand in docs/ exactly as the zod schemas say', () => {
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    expect(published('asyncapi.json')).toEqual(plain(asyncApiDocument()));
    for (const [type, schema] of Object.entries(dataSchemas())) {
      expect(published(`schemas/${type}.json`)).toEqual(plain(schema));
    }
  });

  it('are valid JSON Schema 2020-12, and accept members that a later version adds', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
    const data = { apiUserId, customerId: apiUserId, actor: { kind: 'operator' }, later: true };
    const validate = ajv.compile(dataSchemas()['rebelcore.identity.ApiUserDeactivated.v1'] ?? false);
    expect(validate(data)).toBe(true);
    expect(validate({ ...data, apiUserId: 'nobody' })).toBe(false);
  });

  it('never show a member that could hold a secret outside the credentials topic', () => {
    const open = Object.entries(dataSchemas()).filter(([type]) => !type.includes('Credential'));
    expect(JSON.stringify(open)).not.toMatch(/"(password|verifier|secret|token|email)":/i);
  });
});
