import { limited } from '@rebelcore/service/text';
import { z } from 'zod';

const CONTROL = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
/** What turns the direction of a line, joins or parts without being seen, or is blank, so that two names look alike. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u;
/** Some are made of several characters, among them joiners that nobody sees. */
const EMOJI = /\p{RGI_Emoji}/gv;

/** One line of text for people, trimmed and in canonical composition, in which everything can be seen. */
export const line = (max: number) =>
  limited({ min: 1, max }, z.string().trim().normalize('NFC'))
    .refine((text) => !CONTROL.test(text), 'must be one line without control characters')
    .refine(
      (text) => !INVISIBLE.test(text.replace(EMOJI, '')),
      'must not contain invisible characters, such as marks of direction',
    );

/** A UUID in the one spelling that it is stored in; one that is missing or no text is reported as that. */
export const idOf = (what: string) =>
  z.uuid({ error: ({ code }) => (code === 'invalid_format' ? `must be the id of ${what}` : undefined) }).toLowerCase();

/**
 * The id in a path, in the spelling that it is stored in.
 *
 * @param unknown what is thrown for a text that is not even an id, which belongs to nothing
 */
export function idInPath(text: string, unknown: () => Error): string {
  if (!UUID.safeParse(text).success) throw unknown();
  return text.toLowerCase();
}

const UUID = z.uuid();

/** What an authenticator app shows; many write it with a blank in the middle. */
export const sixDigits = z.string().regex(/^\s*\d{3}\s*\d{3}\s*$/, 'must be six digits');
export const withoutBlanks = (text: string): string => text.replace(/\s/g, '');
