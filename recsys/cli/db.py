"""`recsys db`: the schema, and the embedded server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Engine

from recsys.cli.output import Format, Output, note, progress_bar, say, show
from recsys.database import distribution, migrations
from recsys.database.engine import database_url, libpq_url, open_engine
from recsys.database.errors import reported_errors
from recsys.database.install import missing_relations, missing_roles, missing_sql
from recsys.database.schema import expected_stamp, is_simulated, schema_stamp
from recsys.errors import DatabaseError
from recsys.server.cluster import SUPERUSER, binaries
from recsys.server.embedded import embedded_server
from recsys.settings import DEFAULT_DATABASE, Settings

app = typer.Typer(help="The schema, and the embedded PostgreSQL server.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the schema up to this version: tables, functions, views and grants, all or nothing.

    It also makes the roles `recsys_reader` and `recsys_app`, without a password, where they are
    missing.

    Example: `recsys db upgrade`
    """
    engine = open_engine(context.obj, create=True)
    changed = migrations.upgrade(engine, warn=note)
    say("The schema was brought up to date." if changed else "The schema is up to date.")
    say_who_is_missing(engine)


def say_who_is_missing(engine: Engine) -> None:
    """Say which missing roles this user may not make, and what to ask an administrator for."""
    with reported_errors(), engine.connect() as connection:
        missing = missing_roles(connection)
    if missing:
        statements = "; ".join(f"create role {role} login" for role in missing)
        note(
            f"You may not make the roles {' and '.join(missing)}: ask an administrator to run "
            f"`{statements}`, then run `recsys db upgrade` again."
        )


@app.command()
def distribute(
    context: typer.Context,
    shards: Annotated[
        int | None,
        typer.Option(min=1, help="In how many parts; by default 4 a worker."),
    ] = None,
    undo: Annotated[bool, typer.Option(help="Bring all back to the coordinator.")] = False,
) -> None:
    """Divide ratings, users and what is made of them over the workers of Citus, by `user_id`.

    Films, texts and models stay on the coordinator, and all questions are asked there as before.
    The workers must be known to the coordinator first (docs/citus.md). All or nothing; readers
    wait until it ends.

    Examples:

    - `recsys db distribute`

    - `recsys db distribute --undo`
    """
    engine = migrations.ready_engine(context.obj)
    steps = {"distributing": "Dividing", "bringing back": "Bringing back"}
    with reported_errors(), engine.begin() as connection:
        if undo:
            tables = distribution.divided_tables(connection)
            if not tables:
                raise DatabaseError("no table is divided")
            with progress_bar(steps) as progress:
                distribution.undistribute(connection, tables, progress)
            say("All tables are on this server alone.")
            return
        workers = distribution.workers(connection)
        note(
            f"Over {', '.join(workers)}: "
            f"{', '.join(f'recsys.{name}' for name in distribution.DISTRIBUTED)}."
        )
        with progress_bar(steps) as progress:
            distribution.distribute(connection, shards or 4 * len(workers), progress)
    with reported_errors(), engine.connect() as connection:
        distribution.forget_local_rows(connection)
        connection.commit()
        shares = distribution.shares(connection)
    show([asdict(share) for share in shares], Format.TABLE)


@app.command()
def status(context: typer.Context, output: Output = Format.TABLE) -> None:
    """Show the server, the schema and what the database holds.

    Example: `recsys db status --output json`
    """
    settings: Settings = context.obj
    row = _server(settings)
    if settings.database_url is not None or embedded_server(settings.home).cluster.data.exists():
        engine = open_engine(settings)
        with reported_errors(), engine.connect() as connection:
            row |= _contents(connection)
    if output is Format.TABLE:
        show([{"": name, "value": value} for name, value in row.items()], output)
    else:
        show([row], output)


@app.command()
def start(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Listen on this TCP port of 127.0.0.1 as well."),
    ] = None,
) -> None:
    """Start the embedded server and keep it up for other programs, until `recsys db stop`.

    Without a port, programs reach it by its Unix socket only. With a port, they need the password
    of RECSYS_DB_PASSWORD, or else the one generated into a file that only you can read.

    Examples:

    - `recsys db start`

    - `recsys db start --port 5433`
    """
    settings = _embedded(context)
    server = embedded_server(settings.home)
    running = server.start(port)
    say(f"The server is up: {libpq_url(database_url(settings))}")
    if running.listens:
        database = settings.database or DEFAULT_DATABASE
        say(f"TCP: postgresql://{SUPERUSER}@127.0.0.1:{running.port}/{database}")
        if not os.environ.get("RECSYS_DB_PASSWORD"):
            say(f"Password: in {server.password_file}")
    migrations.prepared_engine(
        settings, create=True
    ).dispose()  # so that other programs find a schema


@app.command()
def stop(context: typer.Context) -> None:
    """Stop the embedded server, even if other programs use it.

    Example: `recsys db stop`
    """
    stopped = embedded_server(_embedded(context).home).stop()
    say("The server is stopped." if stopped else "The server was not running.")


@app.command()
def url(context: typer.Context) -> None:
    """Print the connection string and nothing else.

    Example: `psql "$(recsys db url)"`
    """
    settings: Settings = context.obj
    found = database_url(settings)
    print(libpq_url(found))  # noqa: T201
    if settings.database_url is None:
        migrations.prepared_engine(settings).dispose()
        if not embedded_server(settings.home).kept:
            note("The server stops when no recsys command runs; `recsys db start` keeps it up.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; all further arguments go to psql.

    Example: `recsys db psql -c "select * from recsys.recommend(42)"`
    """
    settings: Settings = context.obj
    found = database_url(settings)
    migrations.prepared_engine(settings).dispose()
    environment = dict(os.environ)
    if found.password:  # every user can read the process list
        environment["PGPASSWORD"] = str(found.password)
    # A psql on the PATH can edit lines; the embedded one was built without readline.
    program = shutil.which("psql") or str(binaries() / "psql")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's
    command = [program, libpq_url(found.set(password=None)), *context.args]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def _embedded(context: typer.Context) -> Settings:
    settings: Settings = context.obj
    if settings.database_url is not None:
        raise DatabaseError("DATABASE_URL names a server of your own: start and stop it yourself")
    return settings


def _server(settings: Settings) -> dict[str, Any]:
    if settings.database_url is not None:
        return {"server": database_url(settings).render_as_string(hide_password=True)}
    server = embedded_server(settings.home)
    running = server.cluster.running()
    state = "stopped: it starts when a command needs it" if running is None else "running"
    if running is not None and running.listens:
        state += f" on port {running.port} of 127.0.0.1"
    if not server.cluster.data.exists():
        state = "not there yet: the first command that needs it makes it"
    return {
        "server": "embedded",
        "state": state + (", kept up until `recsys db stop`" if server.kept else ""),
        "data": str(server.cluster.data.resolve()),
    }


def _contents(connection: Connection) -> dict[str, Any]:
    stamp = schema_stamp(connection)
    schema = "up to date"
    if stamp is None:
        schema = "missing: run `recsys db upgrade`"
    elif stamp != expected_stamp():
        schema = "out of date: run `recsys db upgrade`"
    elif missing_relations(connection):
        schema = "damaged: `recsys db upgrade` says what is missing"
    elif missing_sql(connection):
        schema = "incomplete: run `recsys db upgrade`"
    row: dict[str, Any] = {
        "postgresql": connection.exec_driver_sql("show server_version").scalar(),
        "database": connection.exec_driver_sql("select current_database()").scalar(),
        "schema": schema,
    }
    divided = distribution.divided_tables(connection)
    if divided:
        nodes = distribution.shares(connection)
        row["layout"] = f"{', '.join(divided)} divided by user_id over " + ", ".join(
            f"{share.node} ({share.shards} shards, {share.bytes / 2**20:.1f} MiB)"
            for share in nodes
        )
    if schema != "up to date":
        return row
    counts = (
        connection.exec_driver_sql("""
        select (select extversion from pg_extension where extname = 'vector') as pgvector,
            (select count(*) from recsys.movies) as movies,
            (select count(*) from recsys.genres) as genres,
            (select count(distinct user_id) from recsys.ratings) as users,
            (select count(*) from recsys.ratings) as ratings,
            (select count(*) from recsys.models) as models,
            (recsys_internal.find_model(null)).model_id as active_model
    """)
        .mappings()
        .one()
    )
    return row | dict(counts) | {"ratings_are_simulated": is_simulated(connection)}
