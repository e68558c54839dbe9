import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { jwks, type PublicJwk } from '@rebelcore/credentials/signing-keys';

@ApiTags('keys')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly ring: SigningKeyRing) {}

  @Get('jwks.json')
  @Header('cache-control', 'public, max-age=600')
  @ApiOperation({ summary: 'The public keys that verify tokens (RFC 7517).' })
  @ApiResponse({ status: 200, standardSchema: jwks })
  jwks(): { keys: PublicJwk[] } {
    return this.ring.jwks();
  }
}
