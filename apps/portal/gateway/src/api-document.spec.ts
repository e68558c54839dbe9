import type { OpenAPIObject } from '@nestjs/swagger';
import { mergeDocuments } from './api-document.js';

const schema = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const document = (path: string, schemas: Record<string, unknown>): OpenAPIObject =>
  ({
    openapi: '3.0.0',
    info: { title: 'x', version: '1' },
    paths: {
      [path]: { get: { responses: { 200: { content: { 'application/json': { schema: schema('List') } } } } } },
      '/internal/x': {},
    },
    components: { schemas },
  }) as unknown as OpenAPIObject;

describe('the one document', () => {
  const merged = mergeDocuments(
    [
      ['identity', document('/api/v1/users', { List: { type: 'object' }, Shared: { type: 'string' } })],
      ['audit', document('/api/v1/activity', { List: { type: 'array' }, Shared: { type: 'string' } })],
    ],
    'https://portal.example',
  );

  it('holds what the gateway offers and nothing else', () => {
    expect(Object.keys(merged.paths)).toEqual(['/api/v1/users', '/api/v1/activity']);
  });

  it('keeps components apart that have one name and two meanings, and shares the others', () => {
    expect(merged.components?.schemas).toEqual({
      List: { type: 'object' },
      audit_List: { type: 'array' },
      Shared: { type: 'string' },
      // Always the one of the gateway itself.
      Problem: expect.objectContaining({ required: ['detail'] }) as object,
    });
    expect(JSON.stringify(merged.paths['/api/v1/users'])).toContain('"#/components/schemas/List"');
    expect(JSON.stringify(merged.paths['/api/v1/activity'])).toContain('"#/components/schemas/audit_List"');
  });

  it('says what the gateway adds to an answer, and only there', () => {
    const path = '/api/v1/users/{id}/deactivate';
    const status = { content: { 'application/json': { schema: schema('UserStatus') } } };
    const refusal = { content: { 'application/json': { schema: schema('Problem') } } };
    const identity = {
      ...document(path, { UserStatus: { type: 'object' } }),
      paths: { [path]: { post: { responses: { 200: status, 404: refusal } } } },
    } as unknown as OpenAPIObject;
    const { responses } = mergeDocuments([['identity', identity]], 'https://portal.example').paths[path]?.post ?? {};
    expect(responses?.[404]).toEqual({ content: { 'application/problem+json': { schema: schema('Problem') } } });
    expect(responses?.[504]).toEqual({ $ref: '#/components/responses/Status504' });
    expect(responses?.[200]).toMatchObject({
      content: {
        'application/json': {
          schema: {
            allOf: [
              schema('UserStatus'),
              { required: ['live_tokens', 'last_expiry'], properties: { live_tokens: { nullable: true } } },
            ],
          },
        },
      },
    });
  });
});
