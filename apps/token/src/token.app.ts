import { apiUserTokens } from '@rebelcore/api-access/api-user.guard';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { DPoPProofs } from '@rebelcore/api-access/dpop-proof';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { ApiUserAuthentication } from './authorize/api-user-authentication.js';
import { installAuthorize } from './authorize/authorize.endpoint.js';
import { AUTHORIZE_PATHS } from './authorize/authorize.openapi.js';
import { TokenIssuer } from './authorize/token-issuer.js';
import { ownKeys } from '@rebelcore/service/own-keys';
import { introspectionEndpoint } from './oauth/introspection.endpoint.js';
import { OAUTH_PATHS } from './oauth/oauth.openapi.js';
import { installOAuth } from './oauth/oauth.plugin.js';
import { tokenEndpoint } from './oauth/token.endpoint.js';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { shedLoad } from '@rebelcore/service/shed-load';
import { isRefusedCall } from '@rebelcore/service/refused-calls';
import type { FastifyRequest } from 'fastify';
import { isResourceOf, publicUrl, type TokenConfig } from './token.config.js';
import { TokenModule } from './token.module.js';

const DESCRIPTION =
  'Trades the credentials of API users for bearer tokens. Every attempt is recorded before it is answered; while it is not certain who may authorize, the answer is 503.';

/** Recorded whatever their answer. */
const RECORDED = new Set(['/api/v1/authorize', '/oauth2/token', '/oauth2/introspect']);
const isRecorded = ({ routeOptions }: FastifyRequest) => RECORDED.has(routeOptions.url ?? '');
/** Bytes. */
const BODY_LIMIT = 16 * 1024;
/** The work of one or two tenths of a second: so long a burst makes others wait, at most. */
const MAX_IN_WORK = 200;

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const tokenApp = (config: TokenConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'token',
  module: TokenModule.forRoot(config, consumerGroup),
  config,
  bodyLimit: BODY_LIMIT,
  recordCalls: (request, status) => isRecorded(request) || isRefusedCall(request, status),
  description: DESCRIPTION,
  paths: { ...AUTHORIZE_PATHS, ...OAUTH_PATHS },
  consumer: KafkaBatchStrategy,
  configure: (app) => {
    const authentication = app.get(ApiUserAuthentication);
    const issuer = app.get(TokenIssuer);
    const fastify = app.getHttpAdapter().getInstance();
    const rules = { issuer: config.TOKEN_ISSUER, audience: config.TOKEN_AUDIENCE };
    shedLoad(fastify, {
      maxInWork: MAX_IN_WORK,
      addresses: RECORDED,
      service: 'token',
      recorder: app.get(CallRecorder),
      trustedProxies: config.TRUSTED_PROXIES,
    });
    installAuthorize(fastify, { authentication, issuer });
    installOAuth(fastify, BODY_LIMIT, {
      '/token': tokenEndpoint({
        authentication,
        issuer,
        proofs: new DPoPProofs(publicUrl(config)),
        serves: isResourceOf(config),
      }),
      '/introspect': introspectionEndpoint({
        authentication,
        tokens: apiUserTokens(rules, ownKeys(app.get(SigningKeyRing))),
        rules,
      }),
    });
  },
});
