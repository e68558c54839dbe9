/**
 * What every statement here relies on, whatever a server, a database, a role or `PGOPTIONS` makes the default: how times are
 * written, that a transaction sees what others have committed meanwhile, which schema is meant, that writing is possible.
 */
const SETTINGS = [
  'DateStyle=ISO,YMD',
  'IntervalStyle=postgres',
  'TimeZone=UTC',
  'default_transaction_isolation=read\\ committed',
  'default_transaction_read_only=off',
  'default_transaction_deferrable=off',
  'search_path=public',
  'standard_conforming_strings=on',
  'bytea_output=hex',
  'extra_float_digits=1',
];

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
