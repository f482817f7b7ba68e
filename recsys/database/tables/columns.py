"""What the tables are made of: one metadata, and the kinds of columns that come again."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    MetaData,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    schema="recsys",
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    },
)


# Years 1 to 9999 in every time zone: all clients have these times, and few have others.
FIRST_TIME, LAST_TIME = "'0001-01-02Z'", "'9999-12-30Z'"


def table(name: str, comment: str, *parts: SchemaItem) -> Table:
    """Return a table of the schema; here its comment comes first, above its columns."""
    return Table(name, metadata, *parts, comment=comment)


def key(name: str, comment: str) -> Column[int]:
    """Return an id that comes from outside, such as ``user_id``."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False, comment=comment)


def identity(name: str, comment: str, *, always: bool = False) -> Column[int]:
    """Return an id that the database counts up; with `always`, no other is taken."""
    return Column(name, BigInteger, Identity(always=always), primary_key=True, comment=comment)


def parent(target: str, comment: str, *, cascade: bool = True, index: bool = False) -> Column[int]:
    """Return a part of the key that names a row of another table, as ``movies.movie_id``."""
    return Column(
        target.partition(".")[2],
        BigInteger,
        ForeignKey(f"recsys.{target}", ondelete="CASCADE" if cascade else None),
        primary_key=True,
        index=index,
        comment=comment,
    )


def time(
    name: str, comment: str, *, default: str | None = None, nullable: bool = False
) -> Column[object]:
    """Return a point in time."""
    return Column(
        name,
        DateTime(timezone=True),
        server_default=text(default) if default else None,
        nullable=nullable,
        comment=comment,
    )


def calendar(column: str, first: str = FIRST_TIME) -> CheckConstraint:
    """Return what holds a time that applications write within the calendar, not infinite."""
    return CheckConstraint(f"{column} between {first} and {LAST_TIME}", name=column)


def count(name: str, comment: str) -> Column[int]:
    """Return a number that starts at 0."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)


def json(name: str, comment: str) -> Column[object]:
    """Return a JSON object, empty if not given."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"), comment=comment)
