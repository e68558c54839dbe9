import { httpUrl, parseConfig, serviceVariables, wholeNumber, type Environment } from '@rebelcore/service/config';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const perMinute = wholeNumber(1);

const originList = z
  .string()
  .transform((text) => text.split(',').filter((origin) => origin !== ''))
  .pipe(z.array(z.string().refine((text) => URL.parse(text)?.origin === text, 'must be origins, separated by commas')));

const schema = z.object({
  ...serviceVariables(3000),
  /** The address in a browser's address bar: the origin that may write, and https or not. */
  PUBLIC_URL: httpUrl,
  /** Other origins of the same pages, separated by commas: `http://localhost:3000`. */
  PUBLIC_ORIGINS: originList.prefault(''),
  IDENTITY_URL: httpUrl,
  TOKEN_URL: httpUrl,
  AUDIT_URL: httpUrl,
  INFERENCE_URL: httpUrl,
  /** The folder with the built pages; it may be missing. */
  WEB_ROOT: z.string().default(fileURLToPath(new URL('../../web/dist', import.meta.url))),
  /** How often one source may try to sign in, to accept an invitation, or to open a hand-over link. */
  SIGN_INS_PER_MINUTE: perMinute.default(300),
  /** How often one source may ask the management addresses. */
  REQUESTS_PER_MINUTE: perMinute.default(6_000),
});
export type PortalConfig = z.infer<typeof schema>;

/** @throws {ConfigError} */
export const portalConfig = (env?: Environment): PortalConfig => parseConfig(schema, env);
