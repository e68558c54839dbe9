import { parseArgs } from 'node:util';

/**
 * Reads `--name value` options; each has a default, and a default that is a number or a boolean says what is expected.
 *
 * @param {Record<string, string | number | boolean>} defaults
 */
export function options(defaults) {
  const described = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      { type: typeof value === 'boolean' ? 'boolean' : 'string' },
    ]),
  );
  const { values } = parseArgs({ options: described });
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const given = values[name];
      if (given === undefined) return [name, value];
      return [name, typeof value === 'number' ? Number(given) : given];
    }),
  );
}
