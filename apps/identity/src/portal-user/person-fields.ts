import { z } from 'zod';
import { line } from '../http/request-fields.js';
import { emailAddress } from './email.js';
import type { PersonalData } from './portal-user.js';

export const personFields = { first_name: line(100), last_name: line(100), email: emailAddress };

/** Name and address of somebody of whom they are lost; no body for everybody else. */
export const lostPerson = z.strictObject(personFields).meta({ id: 'LostPerson' }).optional();
export type LostPerson = z.infer<typeof lostPerson>;

export const LOST_PERSON =
  'A body only for somebody whose name and address are lost, as they are of people whose events were put back into a restored store.';

export const personIn = (body: LostPerson): PersonalData | undefined =>
  body && { firstName: body.first_name, lastName: body.last_name, email: body.email };
