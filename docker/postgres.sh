#!/usr/bin/env bash
# Run once by the official image, when its data folder is new: a database per service with its owner, the role the
# service runs as, and one that may look. What the service's role may do is granted by the migrations.
set -euo pipefail

# psql makes the SCRAM verifier and sends that alone, so that the password stands in no text of a statement and in no
# argument. It asks for it twice, on its input where there is no terminal.
set_password() {
  printf '%s\n' "$2" "$2" | setsid --wait psql -X -q --username "$POSTGRES_USER" --command "\\password $1"
}

for name in identity token audit inference; do
  psql -X -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" -v db="$name" <<'SQL'
create role :"db" login nobypassrls;
select format('create role %I login nobypassrls', :'db' || '_owner') \gexec
select format('create role %I login bypassrls', :'db' || '_reader') \gexec
select format('create database %I owner %I', :'db', :'db' || '_owner') \gexec
select format('revoke all on database %I from public', :'db') \gexec
select format('grant connect on database %I to %I, %I', :'db', :'db', :'db' || '_reader') \gexec
\connect :"db"
revoke create on schema public from public;
select format('grant all on schema public to %I', :'db' || '_owner') \gexec
select format('grant usage on schema public to %I, %I', :'db', :'db' || '_reader') \gexec
select format('grant pg_read_all_data to %I', :'db' || '_reader') \gexec
SQL
  owner="${name^^}_OWNER_PASSWORD" runtime="${name^^}_DB_PASSWORD" reader="${name^^}_READER_PASSWORD"
  set_password "${name}_owner" "${!owner}"
  set_password "$name" "${!runtime}"
  set_password "${name}_reader" "${!reader}"
done
