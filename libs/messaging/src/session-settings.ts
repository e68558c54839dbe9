/**
 * What every statement here relies on, whatever a server, a database, a role or `PGOPTIONS` makes the default: how times and
 * numbers are written, that a transaction sees what others have committed meanwhile and that what it commits stays, which schema is meant, that
 * writing is possible, that nobody waits for a lock for ever and no connection of a pool ends unasked.
 */
const SETTINGS = [
  'DateStyle=ISO,YMD',
  'IntervalStyle=postgres',
  'TimeZone=UTC',
  'default_transaction_isolation=read\\ committed',
  'default_transaction_read_only=off',
  'default_transaction_deferrable=off',
  'synchronous_commit=on',
  'search_path=public',
  'standard_conforming_strings=on',
  'array_nulls=on',
  'bytea_output=hex',
  'extra_float_digits=1',
  'lc_monetary=C',
  'lc_numeric=C',
  'lc_time=C',
  'lock_timeout=5s',
  'idle_session_timeout=0',
  'row_security=on',
];

/** For a session that works for all customers at once, where row security asks for it: the relay's, and those of commands. */
export const EVERY_CUSTOMER = 'rebelcore.every_customer=on';

/** The address of a database, so that each session begins with these settings; those that the address names win. */
export function withSessionSettings(databaseUrl: string, further: readonly string[] = []): string {
  const url = new URL(databaseUrl);
  const own = url.searchParams.get('options') ?? '';
  url.searchParams.set(
    'options',
    [...[...SETTINGS, ...further].map((setting) => `-c ${setting}`), own].join(' ').trim(),
  );
  return url.href;
}
