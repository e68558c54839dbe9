import { testDatabase } from '@rebelcore/testing/test-database';
import { folded, foldedSql } from './text.js';

it('what is searched in the database and what is compared here are folded alike, letter by letter', async () => {
  const database = await testDatabase();
  try {
    const letters = Array.from({ length: 0x1_ffff }, (_, code) => code)
      .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
      .map((code) => String.fromCodePoint(code))
      .filter((text) => /[\p{L}\p{M}\p{N}]/u.test(text));
    const words = [...letters, 'MU\u0308NCHEN', 'i\u0307stanbul', 'ΟΔΥΣΣΕΥΣ', 'İI'];
    const { rows } = await database.pool().query<{ word: string; folded: string }>(
      `select word, ${foldedSql('word')} as folded from unnest($1::text[]) as word
        -- Which letters there are depends on the version of Unicode.
        where unicode_assigned(word)`,
      [words],
    );
    const different = rows.filter(({ word, folded: bySql }) => folded(word) !== bySql).map(({ word }) => word);
    expect(different).toEqual([]);
    expect(rows.length).toBeGreaterThan(60_000);
  } finally {
    await database.drop();
  }
});
