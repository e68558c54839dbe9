import { Inference1795420800000 } from './1795420800000-inference.js';

/** Every migration of the inference service's database, oldest first. */
export const migrations = [Inference1795420800000];
