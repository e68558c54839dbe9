import { z } from 'zod';
import { isAcceptable } from '../passwords.js';

/** A password that somebody has thought of. */
export const chosenPassword = z
  .string()
  .max(128, 'must be at most 128 characters')
  .refine(isAcceptable, 'must have at least 12 characters, letters and digits');
