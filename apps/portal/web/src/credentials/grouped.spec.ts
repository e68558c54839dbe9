import { grouped } from './grouped.js';

describe('groups of characters', () => {
  it('loses and adds nothing', () => {
    const password = 'k3vTq9ZpWm2Ls8XnRb5YcHd7FgJ4tVwE6aUxQiOzPr1MyNsD';
    expect(grouped(password, 6)).toHaveLength(8);
    expect(grouped(password, 6).join('')).toBe(password);
  });

  it('leaves a shorter group at the end', () => {
    expect(grouped('abcdefg', 4)).toEqual(['abcd', 'efg']);
    expect(grouped('', 4)).toEqual([]);
  });
});
