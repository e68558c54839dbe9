import { Identity1795420800000 } from './1795420800000-identity.js';

/** Every migration of identity's database, oldest first. */
export const migrations = [Identity1795420800000];
