import type { StreamPublication } from '@rebelcore/event-store/event-store';
import { apiUserPublication } from './api-user/api-user.published.js';
import { customerPublication } from './customer/customer.published.js';
import { handOverPublication } from './hand-over/hand-over.published.js';
import { portalUserPublication } from './portal-user/portal-user.published.js';
import { rolePublication } from './role/role.published.js';
import { signInPublication } from './session/sign-in.published.js';

/** Every kind of stream that identity writes. */
export const STREAMS: readonly StreamPublication[] = [
  customerPublication,
  portalUserPublication,
  signInPublication,
  rolePublication,
  apiUserPublication,
  handOverPublication,
];
