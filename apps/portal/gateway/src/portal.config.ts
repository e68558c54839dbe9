import { httpUrl, parseConfig, serviceVariables, type Environment } from '@rebelcore/service/config';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables(3000),
  /** The gateway is the outermost part unless an operator names a load balancer; this network holds no peer. */
  TRUSTED_PROXIES: z.string().default('255.255.255.255/32'),
  /** The address in a browser's address bar: the origin that may write, and https or not. */
  PUBLIC_URL: httpUrl,
  IDENTITY_URL: httpUrl,
  TOKEN_URL: httpUrl,
  AUDIT_URL: httpUrl,
  INFERENCE_URL: httpUrl,
});
export type PortalConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const portalConfig = (env?: Environment): PortalConfig => parseConfig(schema, env);
