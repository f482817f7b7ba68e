"""Runs the migrations and installs `sql/` in one transaction: both take effect, or neither.

`alembic check` and `alembic revision --autogenerate` compare `recsys.database.tables` with the
tables in the database of DATABASE_URL, or of the embedded server.
"""

from alembic import context
from sqlalchemy import Connection, Index
from sqlalchemy.schema import SchemaItem

from recsys.database.engine import open_engine
from recsys.database.errors import reported_errors
from recsys.database.install import drop_views, install_sql
from recsys.database.tables import metadata
from recsys.settings import Settings


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    return type_ != "schema" or name == metadata.schema


def include_object(found: SchemaItem, *_: object) -> bool:
    """Leave the models' HNSW indexes alone, which `recsys_internal.index_model` makes."""
    return not isinstance(found, Index) or found.dialect_kwargs.get("postgresql_using") != "hnsw"


def migrate(connection: Connection) -> None:
    """Migrate, then install `sql/` where the schema has arrived at head."""
    # The version table lives in our schema, which must be there before the first migration.
    connection.exec_driver_sql("create schema if not exists recsys")
    grants = drop_views(connection)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=metadata.schema,
        include_schemas=True,
        include_name=include_name,
        include_object=include_object,
        compare_server_default=True,
        transactional_ddl=True,
    )
    context.run_migrations()
    migrations = context.get_context()
    if set(migrations.get_current_heads()) == set(context.script.get_heads()):
        install_sql(connection, grants)
    else:
        # An older schema has no stamp, or it would be taken for this version's.
        connection.exec_driver_sql("comment on schema recsys is null")


if context.is_offline_mode():
    raise SystemExit("recsys migrates online only: sql/ is installed in the same transaction")

given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with reported_errors(), open_engine(Settings.from_environment()).begin() as opened:
        migrate(opened)
