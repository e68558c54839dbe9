import { z } from 'zod';

/** One line of text for people: trimmed, without control characters and broken surrogates. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must be at most ${String(max)} characters`)
    .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u, 'must be one line without control characters');

/** A UUID; one that is missing or no text is reported as that. */
export const idOf = (what: string) =>
  z.uuid({ error: ({ code }) => (code === 'invalid_format' ? `must be the id of ${what}` : undefined) });

/** What an authenticator app shows; many write it with a blank in the middle. */
export const sixDigits = z.string().regex(/^\s*\d{3}\s*\d{3}\s*$/, 'must be six digits');
export const withoutBlanks = (text: string): string => text.replace(/\s/g, '');
