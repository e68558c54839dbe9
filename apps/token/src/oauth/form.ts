import { OAuthError } from './oauth-error.js';

/** What was sent of the parameters that an endpoint knows. */
export type Form<Name extends string> = { readonly [N in Name]: string | undefined };

/**
 * The parameters of these names; one without a value counts as absent, and others are ignored (RFC 6749, section 3.2).
 *
 * @throws {OAuthError} when one was sent more than once
 */
export function readForm<Name extends string>(body: URLSearchParams, names: readonly Name[]): Form<Name> {
  const read = names.map((name) => {
    const [value, ...more] = body.getAll(name);
    if (more.length > 0) throw new OAuthError('invalid_request', `${name} was sent more than once.`);
    return [name, value === '' ? undefined : value] as const;
  });
  return Object.fromEntries(read) as Form<Name>;
}
