#!/usr/bin/env bash
# Run a command beside an embedded server of its own whose views are filled:
#
#     tests/clients/with_database.sh COMMAND ...
#
# PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSWORD lead the command to it, by TCP and as
# recsys_reader; RECSYS_HOME and --database "$PGDATABASE" lead `recsys` there, as the owner.
# The films are MovieLens' where RECSYS_TEST_DATA names a folder that holds ml-latest-small/, else
# the bundled sample.
set -euo pipefail

unset DATABASE_URL
RECSYS_HOME=$(mktemp -d)
export RECSYS_HOME
cleanup() {
    recsys db stop >/dev/null
    rm -rf "$RECSYS_HOME"
}
trap cleanup EXIT
chmod 711 "$RECSYS_HOME"  # as root, the server's user passes through

PGHOST=127.0.0.1
PGPORT=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
PGDATABASE=recsys_clients
PGUSER=recsys_reader
PGPASSWORD=$(python -c 'import secrets; print(secrets.token_urlsafe(32))')

owner() { recsys --database "$PGDATABASE" "$@"; }
source=sample
if [ -n "${RECSYS_TEST_DATA:-}" ]; then source=$RECSYS_TEST_DATA/ml-latest-small; fi
owner db start --port "$PGPORT"
owner load "$source"
# So that duplicate_movies has a row, and load_rejects: a load that is refused changes nothing else.
owner db psql -q -v ON_ERROR_STOP=1 <<'SQL'
insert into recsys.movies (movie_id, title, year)
select (select max(movie_id) + 1 from recsys.movies), title || '!', year
from recsys.movies where year is not null order by movie_id limit 1;
SQL
printf 'userId,movieId,rating\n1,1,9\n' > "$RECSYS_HOME/ratings.csv"
if owner load "$RECSYS_HOME/ratings.csv" 2>/dev/null; then
    echo "A rating of 9 stars was taken" >&2
    exit 1
fi
owner train
owner recommend --all
# From the environment, because the process list is everybody's to read.
PASSWORD=$PGPASSWORD owner db psql -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv password PASSWORD
alter role recsys_reader password :'password';
SQL

export PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD
"$@"
