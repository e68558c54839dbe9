import * as z from 'zod/mini';

/** What an address holds is text, so that a name like `4` or `true` stays one. */
export const parseSearch = (search: string): Record<string, string> => Object.fromEntries(new URLSearchParams(search));

/** `?a=b`; what is absent is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === 'string' || typeof value === 'number') params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params.toString()}`;
}

/** A parameter that may be absent; what makes no sense is as if it were. */
export const optional = <Schema extends z.core.$ZodType>(schema: Schema) => z.catch(z.optional(schema), undefined);

/** `1`, in an address as in the code. */
export const on = z.pipe(
  z.union([z.literal(1), z.literal('1')]),
  z.transform(() => 1 as const),
);
