import { z } from 'zod';

/** As people count them: one for a letter outside the first 65 536 characters of Unicode too. */
export const lengthOf = (text: string): number => Array.from(text).length;

/** A text of so many characters, as JSON Schema counts them as well. */
export const limited = ({ min = 0, max }: { readonly min?: number; readonly max: number }, text = z.string()) =>
  text
    .refine((text) => lengthOf(text) >= min, min === 1 ? 'must not be empty' : `must be at least ${min} characters`)
    .refine((text) => lengthOf(text) <= max, `must be at most ${max} characters`)
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max });

/** Whether Postgres can keep it, and every encoder write it: no NUL, no half of a surrogate pair. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/**
 * What a search compares: canonical composition, and one case for what differs in case alone, character by character, so
 * that a part of a text stays a part. The same as {@link foldedSql}, which a test says.
 */
export const folded = (text: string): string =>
  Array.from(text.normalize('NFC'), (character) => first(only(character.toUpperCase(), character).toLowerCase()))
    .join('')
    .replaceAll(DOTTED_I, 'i')
    .normalize('NFC');

const DOTTED_I = 'i\u0307';
const first = (text: string): string => String.fromCodePoint(text.codePointAt(0) ?? 0);
const only = (text: string, otherwise: string): string => (lengthOf(text) === 1 ? text : otherwise);

/** {@link folded} of an expression of SQL. The collation is C with the cases of all of Unicode; a database's own may fold a to z alone. */
export const foldedSql = (text: string): string =>
  `normalize(replace(lower(upper(normalize(${text}, NFC) collate pg_c_utf8)), U&'i\\0307', 'i'), NFC)`;
