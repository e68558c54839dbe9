import { spread } from './statistics.mjs';

/**
 * Measures variants in turn, A B C A B C …, beginning each round with another one, so that whatever else the machine is
 * doing touches all of them alike.
 *
 * @param {Record<string, () => Promise<number>>} variants each answers one number, for example calls per second
 * @returns {Promise<Record<string, number[]>>} one number per round
 */
export async function interleaved(variants, rounds, say = (line) => console.log(line)) {
  const names = Object.keys(variants);
  const measured = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      measured[name].push(await variants[name]());
    }
    say(`  round ${round + 1}: ${names.map((name) => `${name} ${figure(measured[name].at(-1))}`).join(' · ')}`);
  }
  return measured;
}

/** Round by round `a / b`. */
export const ratio = (a, b) => spread(a.map((value, round) => value / b[round]));

/** Three digits that say something. */
export function figure(value) {
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value) && value < 1000) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
