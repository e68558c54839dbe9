import { Activity1795420800000 } from './1795420800000-activity.js';

/** Every migration of audit's database, oldest first. */
export const migrations = [Activity1795420800000];
