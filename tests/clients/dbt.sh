#!/usr/bin/env bash
# Let dbt build a table from a view, test it and write its documentation; run by
# with_database.sh. DBT_BIN is the folder of dbt's programs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${DBT_BIN:-.venv-dbt/bin}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export DBT_PROJECT_DIR=$here/dbt DBT_PROFILES_DIR=$here/dbt
export DBT_TARGET_PATH=$work/target DBT_LOG_PATH=$work/logs
export DBT_ENV_SECRET_PASSWORD=$PGPASSWORD
dbt() { env -u PYTHONPATH "$bin/dbt" --no-use-colors "$@"; }

# recsys_reader writes nothing, so it has no schema in which dbt could make a table.
if dbt build > "$work/refused"; then
    echo "recsys_reader was allowed to write" >&2
    exit 1
fi
grep "permission denied" "$work/refused"

# A reader with a schema of its own.
PASSWORD=$PGPASSWORD recsys --database "$PGDATABASE" db psql -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv password PASSWORD
create role recsys_dbt login password :'password' in role recsys_reader;
create schema dbt_films authorization recsys_dbt;
SQL
export PGUSER=recsys_dbt
dbt build
dbt docs generate
python - "$DBT_TARGET_PATH/catalog.json" <<'PYTHON'
import json
import sys
from pathlib import Path

catalog = json.loads(Path(sys.argv[1]).read_text())
for name, table in (catalog["sources"] | catalog["nodes"]).items():
    comments = [table["metadata"]["comment"], *(c["comment"] for c in table["columns"].values())]
    if not all(comments):
        sys.exit(f"{name}: without a comment in dbt's documentation")
    print(f"{name}: documented, {len(comments) - 1} columns")
PYTHON
