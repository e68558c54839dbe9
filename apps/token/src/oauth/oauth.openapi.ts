import type { OpenAPIObject } from '@nestjs/swagger';
import { oauthError } from '@rebelcore/contracts/oauth-error';
import { PROBLEM_MEDIA_TYPE } from '@rebelcore/contracts/problem';
import { schemaOf } from '@rebelcore/service/openapi';
import { z } from 'zod';
import { JWT_BEARER } from '../authorize/client-assertion.js';

const answer = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema: schemaOf(schema) } },
});
const refusal = (description: string) => answer(description, oauthError);
/** Whoever refuses a request before its address was read does not know what is read here. */
const refusalOfHalf = (description: string) => ({
  description: `${description} A problem document where its head did not come whole.`,
  content: {
    ...refusal('').content,
    [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } },
  },
});

const client = {
  client_id: z.string().optional().meta({ description: 'The username, where it is not in the Authorization header.' }),
  client_secret: z.string().optional().meta({ description: 'The password, where it is not in that header.' }),
  client_assertion_type: z.literal(JWT_BEARER).optional().meta({ description: 'With client_assertion.' }),
  client_assertion: z.string().optional().meta({
    description:
      'Instead of a password: a JWT signed with a registered key. `iss` and `sub` are the username, `aud` is the issuer alone, `exp` lies at most five minutes ahead, and each `jti` counts once (RFC 7523, private_key_jwt).',
  }),
};
const tokenRequest = z.object({
  grant_type: z.literal('client_credentials'),
  scope: z.string().optional().meta({ description: 'Flags of the role, parted by blanks; without it all of them.' }),
  resource: z.string().optional().meta({ description: 'The API the token is for (RFC 8707).' }),
  ...client,
});
const introspectionRequest = z.object({
  token: z.string().meta({ description: 'The access token that is in question.' }),
  token_type_hint: z.string().optional().meta({ description: 'Not needed, and ignored.' }),
  ...client,
});
const tokenResponse = z.object({
  access_token: z.string(),
  token_type: z.enum(['Bearer', 'DPoP']).meta({ description: 'DPoP where a proof was sent.' }),
  expires_in: z.int().meta({ description: 'Seconds; always 24 hours.' }),
  scope: z.string().optional().meta({ description: 'What was granted, where it is not what was asked for.' }),
});

const introspectionResponse = z.object({
  active: z.boolean().meta({ description: 'When it is false, nothing else is said.' }),
  scope: z.string().optional().meta({ description: 'What the token permits now, parted by blanks.' }),
  client_id: z.string().optional().meta({ description: 'The username of the API user.' }),
  token_type: z.enum(['Bearer', 'DPoP']).optional(),
  cnf: z
    .object({ jkt: z.string() })
    .optional()
    .meta({ description: 'The thumbprint of the key that whoever uses the token has to prove to have (RFC 9449).' }),
  exp: z.int().optional().meta({ description: 'Unix seconds.' }),
  iat: z.int().optional(),
  sub: z.uuid().optional().meta({ description: 'The id of the API user.' }),
  aud: z.string().optional(),
  iss: z.string().optional(),
  jti: z.string().optional(),
  customer_id: z.uuid().optional(),
  role: z.string().optional().meta({ description: 'The name of the role that the API user has now.' }),
  networks: z
    .array(z.string())
    .optional()
    .meta({ description: 'From where alone the token may be used, as CIDR has it; absent for anywhere.' }),
  api_user_status: z
    .enum(['active', 'inactive'])
    .optional()
    .meta({ description: 'Whether the API user may have another token; its tokens live until they expire.' }),
});

const REFUSALS = {
  401: refusal('invalid_client: unknown, wrong or inactive.'),
  408: refusalOfHalf('The request did not arrive in time.'),
  413: refusal('The form is larger than this address accepts.'),
  414: refusal('A part of the address is too long.'),
  415: refusal('The body is not a form.'),
  417: refusal('What is expected is not 100-continue.'),
  429: refusal('temporarily_unavailable: refused too often, or too many at once; see Retry-After.'),
  431: refusalOfHalf('The headers are too large.'),
  500: refusal('server_error: the description has the correlation id to quote.'),
  503: refusal('temporarily_unavailable: not known to be up to date; see Retry-After.'),
  504: refusal('The service behind this address did not answer in time.'),
};

/** What `/oauth2` offers; no controller serves it. */
export const OAUTH_PATHS: OpenAPIObject['paths'] = {
  '/oauth2/token': {
    post: {
      operationId: 'OAuth_token',
      tags: ['oauth'],
      summary: 'Trades the credentials of an API user for an access token (RFC 6749, client_credentials).',
      description:
        'The username and password go into an Authorization header (Basic), or into the form; or the form has an assertion instead.',
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: schemaOf(tokenRequest) } },
      },
      responses: {
        ...REFUSALS,
        200: answer('', tokenResponse),
        400: refusalOfHalf(
          'invalid_request, unsupported_grant_type, invalid_scope, invalid_target or invalid_dpop_proof.',
        ),
        403: refusal('Only pages of the same origin may send this.'),
      },
    },
  },
  '/oauth2/introspect': {
    post: {
      operationId: 'OAuth_introspect',
      tags: ['oauth'],
      summary: 'Tells an API whether a token that it was sent is valid, and whose it is (RFC 7662).',
      description:
        'Whoever asks is an API user, authenticated as at the token endpoint, whose role includes `can_introspect`. Tokens of other customers, like forged and expired ones, are answered exactly `{"active": false}`. A token stays active until it expires, also when its API user has been deactivated since: `api_user_status` tells.',
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: schemaOf(introspectionRequest) } },
      },
      responses: {
        ...REFUSALS,
        200: answer('', introspectionResponse),
        400: refusalOfHalf('invalid_request.'),
        403: refusal('unauthorized_client: the role does not include can_introspect.'),
      },
    },
  },
};
