import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { PublicJwk, SigningKey } from '@rebelcore/credentials/signing-keys';

/** The keys that tokens are signed with, newest first. */
export const SIGNING_KEYS = Symbol('SIGNING_KEYS');

@ApiTags('keys')
@Controller('.well-known')
export class JwksController {
  constructor(@Inject(SIGNING_KEYS) private readonly keys: readonly SigningKey[]) {}

  @Get('jwks.json')
  @Header('cache-control', 'public, max-age=600')
  @ApiOperation({ summary: 'The public keys that verify tokens (RFC 7517).' })
  jwks(): { keys: PublicJwk[] } {
    return { keys: this.keys.map(({ publicJwk }) => publicJwk) };
  }
}
