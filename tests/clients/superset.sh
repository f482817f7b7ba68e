#!/usr/bin/env bash
# Start a Superset with a metadata database of its own and let superset_client.py ask it; run by
# with_database.sh. SUPERSET_BIN is the folder of Superset's programs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${SUPERSET_BIN:-.venv-superset/bin}" && pwd)
home=$(mktemp -d)
cleanup() {
    if [ -n "${server:-}" ]; then kill "$server"; wait "$server" || true; fi
    rm -rf "$home"
}
trap cleanup EXIT

cat > "$home/superset_config.py" <<'PYTHON'
import os

SECRET_KEY = os.environ["SUPERSET_PASSWORD"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db"
WTF_CSRF_ENABLED = False  # the client sends a token with each request, and no cookie
PYTHON
export SUPERSET_HOME=$home SUPERSET_CONFIG_PATH=$home/superset_config.py FLASK_APP=superset
SUPERSET_PASSWORD=$(python -c 'import secrets; print(secrets.token_urlsafe(32))')
port=$(python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export SUPERSET_PASSWORD SUPERSET_URL=http://127.0.0.1:$port

# Superset says much: the end of it is shown where something fails.
quiet() { env -u PYTHONPATH "$@" >> "$home/log" 2>&1; }
trap 'tail -n 40 "$home/log" >&2' ERR
echo "Setting up Superset (a minute)"
quiet "$bin/superset" db upgrade
quiet "$bin/superset" fab create-admin --username admin --firstname A --lastname Admin \
    --email admin@localhost --password "$SUPERSET_PASSWORD"
quiet "$bin/superset" init
env -u PYTHONPATH "$bin/superset" run --port "$port" --with-threads >> "$home/log" 2>&1 &
server=$!
python "$here/superset_client.py"
