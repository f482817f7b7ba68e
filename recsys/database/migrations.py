"""Brings a database's schema up to this version, or down again, by Alembic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import Diagnostic
from sqlalchemy import Connection, Engine

from recsys.database.engine import driver, open_engine
from recsys.database.errors import reported_errors
from recsys.database.install import install_grants, missing_relations, missing_sql
from recsys.database.locks import Lock, take
from recsys.database.schema import expected_stamp, require_current, require_supported, schema_stamp
from recsys.errors import DatabaseOutOfDate
from recsys.settings import Settings


def ready_engine(settings: Settings, create: bool = False) -> Engine:
    """Return an engine on a database whose schema is current; see `database.open_engine`.

    Raises
    ------
    DatabaseOutOfDate
        The schema is missing or of another version.
    """
    engine = prepared_engine(settings, create)
    with reported_errors(), engine.connect() as connection:
        require_current(connection)
    return engine


def prepared_engine(settings: Settings, create: bool = False) -> Engine:
    """Return an engine; an embedded database that is still empty gets its schema first.

    Any other database is left as it is.
    """
    engine = open_engine(settings, create)
    if settings.database_url is None:
        with reported_errors(), engine.connect() as connection:
            empty = _is_empty(connection)
        if empty:
            upgrade(engine)
    return engine


def upgrade(
    engine: Engine, revision: str = "head", warn: Callable[[str], None] = lambda line: None
) -> bool:
    """Migrate to `revision` and install `sql/`; False if nothing had to change.

    `warn` is told of each change of data that was there.
    """
    with reported_errors(), engine.begin() as connection, _told(connection, warn):
        require_supported(connection)
        take(connection, Lock.UPGRADE)
        if revision == "head" and schema_stamp(connection) == expected_stamp():
            _require_whole(connection)
            if not missing_sql(connection):
                install_grants(connection)  # the roles may have been made since
                return False
        _alembic("upgrade", connection, revision)
        return True


@contextmanager
def _told(connection: Connection, warn: Callable[[str], None]) -> Iterator[None]:
    """Pass on the server's warnings."""

    def listen(told: Diagnostic) -> None:
        if told.severity_nonlocalized == "WARNING":
            warn(told.message_primary or "")

    inner = driver(connection)
    inner.add_notice_handler(listen)
    try:
        yield
    finally:
        inner.remove_notice_handler(listen)


def downgrade(engine: Engine, revision: str) -> None:
    """Migrate down to `revision`; ``base`` removes every table and function."""
    with reported_errors(), engine.begin() as connection:
        _alembic("downgrade", connection, revision)


def _alembic(command: str, connection: Connection, revision: str) -> None:
    # Imported here: only this needs it, and it would slow every start.
    from alembic import command as commands
    from alembic.config import Config
    from alembic.util import CommandError

    from recsys.database.schema import migrations_folder

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        getattr(commands, command)(config, revision)
    except CommandError as error:
        raise DatabaseOutOfDate(
            f"the schema cannot be migrated ({error}): is it a newer version's? "
            "Then install that version of recsys"
        ) from error


def _require_whole(connection: Connection) -> None:
    """Refuse a database whose stamp is this version's, though parts of its tables are missing."""
    missing = missing_relations(connection)
    if missing:
        raise DatabaseOutOfDate(
            f"the schema is damaged: {missing[0]} is missing, and {len(missing) - 1} other columns "
            "and indexes. Was a dump restored where the extensions were not? Make them (`create "
            "extension vector`, pg_trgm, unaccent, fuzzystrmatch), and restore it into an empty "
            "database"
        )


def _is_empty(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("select to_regclass('recsys.movies') is null").scalar())
