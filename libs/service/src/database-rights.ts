import type { Pool } from 'pg';

/** The login of a service may more than the service does, so that a fault or an intruder could do it too. */
class TooManyRights extends Error {
  constructor(role: string, rights: readonly string[]) {
    super(`The database login "${role}" has too many rights for a service: it ${rights.join(', ')}.`);
    this.name = 'TooManyRights';
  }
}

/**
 * What the login of a service must not be able to do: stand above or outside row security, own what it works on, change what
 * is append-only, or reach the partitions of a table other than through it, past its row security and its rights. `session_user` too, since a session may go back to it at any time; and so whatever a role may do that it
 * can set, whether or not it inherits the rights of that role.
 */
const RIGHTS = `
  with login as (
    select oid, rolname, rolsuper from pg_roles where rolname in (current_user, session_user)
  ), acts_as as (
    select r.oid, l.rolname, r.rolsuper, r.rolbypassrls from login l join pg_roles r
        on r.oid = l.oid or not l.rolsuper and pg_has_role(l.oid, r.oid, 'member')
  ), tables as (
    select c.oid, c.relname, c.relowner, c.relispartition, c.relname in ('activity', 'event') as append_only
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where (n.nspname = 'public' or c.relispartition) and c.relkind in ('r', 'p')
  ), too_much (rank, role, what) as (
    select 1, rolname, 'is a superuser' from acts_as where rolsuper
    union
    select 2, rolname, 'bypasses row security' from acts_as where rolbypassrls and not rolsuper
    union
    select 3, rolname, 'owns ' || what from (
      select l.rolname, string_agg(quote_ident(t.relname), ' and ' order by t.relname) as what
        from login l join tables t on pg_has_role(l.oid, t.relowner, 'member') where not l.rolsuper group by l.rolname
      union
      select l.rolname, 'the schema public' from login l join pg_namespace n on pg_has_role(l.oid, n.nspowner, 'member')
       where n.nspname = 'public' and not l.rolsuper) as owned
    union
    select 4, l.rolname, 'may ' || p.name || ' rows of ' || quote_ident(t.relname)
      from acts_as l join tables t on t.append_only and not pg_has_role(l.oid, t.relowner, 'member')
           cross join unnest(array['update', 'delete', 'truncate']) as p (name)
     where not l.rolsuper and has_table_privilege(l.oid, t.oid, p.name)
    union
    select 4, l.rolname, 'may update columns of ' || quote_ident(t.relname)
      from acts_as l join tables t on t.append_only and not pg_has_role(l.oid, t.relowner, 'member')
     where not l.rolsuper and has_any_column_privilege(l.oid, t.oid, 'update')
       and not has_table_privilege(l.oid, t.oid, 'update')
    union
    select 5, l.rolname, 'has rights on ' || string_agg(distinct quote_ident(t.relname), ' and ') || ', part of another table'
      from acts_as l join tables t on t.relispartition and not pg_has_role(l.oid, t.relowner, 'member')
     where not l.rolsuper
       and (has_table_privilege(l.oid, t.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege(l.oid, t.oid, 'select, insert, update, references'))
     group by l.rolname
  )
  select role, array_agg(what order by rank, what) as rights from too_much group by role order by role`;

/** @throws {TooManyRights} */
export async function requireFewRights(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ role: string; rights: string[] }>(RIGHTS);
  const [first] = rows;
  if (first !== undefined) throw new TooManyRights(first.role, first.rights);
}
