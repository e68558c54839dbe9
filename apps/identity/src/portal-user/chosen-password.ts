import { limited } from '@rebelcore/service/text';
import { z } from 'zod';
import { isAcceptable } from '../passwords.js';

/** A password that somebody has thought of. */
export const chosenPassword = limited({ max: 128 }, z.string().normalize('NFC'))
  .refine(isAcceptable, 'must have at least 12 characters, letters and digits')
  .meta({ minLength: 12 });
