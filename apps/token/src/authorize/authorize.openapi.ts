import type { OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MEDIA_TYPE } from '@rebelcore/contracts/problem';
import { authorizeRequest, authorizeResponse } from '@rebelcore/contracts/published-api';
import { schemaOf } from '@rebelcore/service/openapi';

const refusal = (description: string) => ({
  description,
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** `/api/v1/authorize`, which no controller serves. */
export const AUTHORIZE_PATHS: OpenAPIObject['paths'] = {
  '/api/v1/authorize': {
    post: {
      // As generated clients know it.
      operationId: 'AuthorizeController_authorize',
      tags: ['authorize'],
      summary: 'Trades the credentials of an API user for a bearer token that lives 24 hours.',
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(authorizeRequest) } } },
      responses: {
        200: { description: '', content: { 'application/json': { schema: schemaOf(authorizeResponse) } } },
        400: refusal('A field is missing or of a wrong type.'),
        401: refusal('Exactly {"detail": "invalid credentials"}.'),
        429: refusal('Refused too often; the right credentials never are.'),
        503: refusal('Not known to be up to date; see Retry-After.'),
      },
    },
  },
};
