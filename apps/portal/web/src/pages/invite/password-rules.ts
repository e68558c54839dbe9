/** The rules for a chosen password, as the server has them; it decides. */
export const passwordRules = (password: string): Readonly<Record<'length' | 'letter' | 'digit', boolean>> => {
  const normal = password.normalize('NFC');
  return { length: Array.from(normal).length >= 12, letter: /\p{L}/u.test(normal), digit: /\d/.test(normal) };
};
