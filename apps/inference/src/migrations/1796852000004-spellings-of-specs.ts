import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keeps each spec in one spelling, canonical composition and UUIDs in small letters, for the customer that claimed one of them first. */
export class SpellingsOfSpecs1796852000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- Rows were only ever added, so that their places tell their order.
      create temporary table kept_spec on commit drop as
      select distinct on (spelling) spelling, spec_id
        from (
          select spec_id, ctid as place,
                 (select string_agg(part || coalesce(lower(id[1]), ''), '' order by n)
                    from rows from (
                      regexp_split_to_table(text, '(?:^sample-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'i'),
                      regexp_matches(text, '(?:^sample-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'gi')
                    ) with ordinality as parts (part, id, n)) as spelling
            from spec_v1, normalize(spec_id, NFC) as text
        ) as spelled
       order by spelling, place;

      delete from spec_v1 where not exists (select from kept_spec where kept_spec.spec_id = spec_v1.spec_id);
      update spec_v1 set spec_id = spelling
        from kept_spec where kept_spec.spec_id = spec_v1.spec_id and spelling <> spec_v1.spec_id;
    `);
  }

  down(): Promise<void> {
    throw new Error('A database only goes forward.');
  }
}
