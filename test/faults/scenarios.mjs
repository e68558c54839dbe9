import f01 from './scenarios/f01.mjs';

/** In the order in which they are played. `long` ones are left out of the short cut. */
export const SCENARIOS = [f01];
