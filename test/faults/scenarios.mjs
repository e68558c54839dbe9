import f01 from './scenarios/f01.mjs';
import f02 from './scenarios/f02.mjs';
import f03 from './scenarios/f03.mjs';
import f04 from './scenarios/f04.mjs';
import f05 from './scenarios/f05.mjs';
import f06 from './scenarios/f06.mjs';
import f08 from './scenarios/f08.mjs';
import f09 from './scenarios/f09.mjs';
import f10 from './scenarios/f10.mjs';
import f11 from './scenarios/f11.mjs';
import f13 from './scenarios/f13.mjs';
import f15 from './scenarios/f15.mjs';
import f16 from './scenarios/f16.mjs';
import f18 from './scenarios/f18.mjs';
import f19 from './scenarios/f19.mjs';
import f20 from './scenarios/f20.mjs';
import f21 from './scenarios/f21.mjs';
import f22 from './scenarios/f22.mjs';
import f23 from './scenarios/f23.mjs';
import recording from './scenarios/recording.mjs';

/**
 * In the order in which they are played; those with `gate` are a gate of `npm test`. F07, the late commit, needs two
 * transactions held open by hand and stands in libs/messaging/src/relay/relay.int-spec.ts and libs/event-store/src/event-store.int-spec.ts.
 */
export const SCENARIOS = [
  f09,
  f01,
  f02,
  f03,
  f05,
  f06,
  f08,
  f04,
  recording,
  f10,
  f11,
  f13,
  f15,
  f16,
  f18,
  f19,
  f20,
  f21,
  f22,
  f23,
];
