import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { PROOF_ALGORITHMS } from '@rebelcore/api-access/dpop-proof';
import { CONFIG } from '@rebelcore/service/config';
import { z } from 'zod';
import { publicUrl, type InferenceConfig } from '../inference.config.js';

const INFER = 'api/v1/infer';

const metadata = z
  .object({
    resource: z.url(),
    authorization_servers: z.array(z.string()),
    scopes_supported: z.array(z.string()),
    bearer_methods_supported: z.array(z.string()),
    dpop_signing_alg_values_supported: z.array(z.string()),
  })
  .meta({ id: 'ProtectedResourceMetadata' });

/** Says whose tokens open this API (RFC 9728): the origin as a whole at the bare address, and the API itself. */
@ApiTags('oauth')
@Controller('.well-known/oauth-protected-resource')
export class ResourceMetadataController {
  constructor(@Inject(CONFIG) private readonly config: InferenceConfig) {}

  @Get()
  @Header('cache-control', 'public, max-age=600')
  @ApiOperation({ summary: 'Whose tokens open the APIs of this origin (RFC 9728).' })
  @ApiResponse({ status: 200, standardSchema: metadata })
  origin(): z.infer<typeof metadata> {
    return this.describe(publicUrl(this.config));
  }

  @Get(INFER)
  @Header('cache-control', 'public, max-age=600')
  @ApiOperation({ summary: 'Whose tokens open /api/v1/infer (RFC 9728).' })
  @ApiResponse({ status: 200, standardSchema: metadata })
  infer(): z.infer<typeof metadata> {
    return this.describe(`${publicUrl(this.config)}/${INFER}`);
  }

  private describe(resource: string): z.infer<typeof metadata> {
    return {
      resource,
      authorization_servers: [this.config.TOKEN_ISSUER],
      scopes_supported: ['can_use_agent'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: [...PROOF_ALGORITHMS],
    };
  }
}
