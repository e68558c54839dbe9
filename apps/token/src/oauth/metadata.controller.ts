import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { PROOF_ALGORITHMS } from '@rebelcore/api-access/dpop-proof';
import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { CONFIG } from '@rebelcore/service/config';
import { z } from 'zod';
import { ASSERTION_ALGORITHMS } from '../authorize/client-assertion.js';
import { CLIENT_AUTHENTICATION } from './presented-client.js';
import { publicUrl, type TokenConfig } from '../token.config.js';

/** RFC 8414 leaves out what would be an empty list, such as response types where nobody is sent anywhere. */
const metadata = z
  .object({
    issuer: z.string().meta({ description: 'To the letter what the tokens say in `iss`.' }),
    token_endpoint: z.url(),
    introspection_endpoint: z.url(),
    jwks_uri: z.url(),
    grant_types_supported: z.array(z.string()),
    token_endpoint_auth_methods_supported: z.array(z.string()),
    token_endpoint_auth_signing_alg_values_supported: z.array(z.string()),
    introspection_endpoint_auth_methods_supported: z.array(z.string()),
    introspection_endpoint_auth_signing_alg_values_supported: z.array(z.string()),
    dpop_signing_alg_values_supported: z.array(z.string()),
    scopes_supported: z.array(z.string()),
  })
  .meta({ id: 'AuthorizationServerMetadata' });

@ApiTags('oauth')
@Controller('.well-known/oauth-authorization-server')
export class MetadataController {
  constructor(@Inject(CONFIG) private readonly config: TokenConfig) {}

  @Get()
  @Header('cache-control', 'public, max-age=600')
  @ApiOperation({ summary: 'What OAuth clients need to know of this server (RFC 8414).' })
  @ApiResponse({ status: 200, standardSchema: metadata })
  describe(): z.infer<typeof metadata> {
    const base = publicUrl(this.config);
    return {
      issuer: this.config.TOKEN_ISSUER,
      token_endpoint: `${base}/oauth2/token`,
      introspection_endpoint: `${base}/oauth2/introspect`,
      jwks_uri: `${base}/.well-known/jwks.json`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: [...CLIENT_AUTHENTICATION],
      token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
      introspection_endpoint_auth_methods_supported: [...CLIENT_AUTHENTICATION],
      introspection_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
      dpop_signing_alg_values_supported: [...PROOF_ALGORITHMS],
      scopes_supported: [...PERMISSIONS],
    };
  }
}
