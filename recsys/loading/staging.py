"""Temporary tables of a load: rows are copied into them, thinned and merged.

They vanish with the transaction. A later row of the source wins over an earlier one, a newer
rating or tag over an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from recsys.database.engine import driver
from recsys.sources.batches import COLUMNS, Batch

# Types of the staged columns that are not text.
TYPES = {
    **dict.fromkeys(("line", "user_id", "movie_id", "tmdb_id"), "bigint"),
    **dict.fromkeys(("year", "age", "position"), "integer"),
    "rated_at": "double precision",
    "rating": "real",
    "adult": "boolean",
}


@dataclass(frozen=True)
class Kind:
    """How the rows of one kind are staged and merged.

    Attributes
    ----------
    writes
        The tables that they change.
    of_films
        Whether they refer to films, which must be there.
    stages
        Kinds of `COLUMNS` that have a staging table: first these rows, then their parts.
    key, order
        Of several rows with one key, the first in this order stays.
    joins
        How rows find their film, if not by its id here: conditions by the name of the key.
    merge
        Statements; the last gives for each row that was written whether it `is_new`.
    """

    writes: tuple[str, ...]
    of_films: bool = False
    stages: tuple[str, ...] = ()
    key: str = ""
    order: str = "file desc, line desc"
    joins: Mapping[str, str] = field(default_factory=dict)
    merge: tuple[str, ...] = ()


class Stage:
    """The staged rows of one kind."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        self.connection = connection
        self.kind = kind
        self.tables = [f"stage_{name}" for name in kind.stages]
        for table, name in zip(self.tables, kind.stages, strict=True):
            columns = ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in COLUMNS[name])
            run(
                connection,
                f"create temp table if not exists {table} (file text, {columns}) on commit drop",
            )

    def write(self, batch: Batch) -> None:
        """Copy one batch of the rows, or of their parts."""
        name = batch.kind if batch.kind in self.kind.stages else self.kind.stages[0]
        columns = list(COLUMNS[name])
        frame = batch.rows.reindex(columns=columns).astype(object)
        rows = frame.where(frame.notna(), None).itertuples(index=False)
        copy_rows(
            self.connection,
            f"stage_{name} (file, {', '.join(columns)})",
            ((batch.file, *row) for row in rows),
        )

    def finish(self) -> tuple[int, int, int]:
        """Merge the rows; return how many were duplicates, new, and changes."""
        duplicate = self._drop_duplicates()
        run(self.connection, f"analyze {', '.join(self.tables)}")
        *before, last = self.kind.merge
        for statement in before:
            run(self.connection, statement)
        loaded, updated = self.connection.exec_driver_sql(
            f"with written as ({last}) select count(*) filter (where is_new),"
            " count(*) filter (where not is_new) from written",
            execution_options={"no_parameters": True},
        ).one()
        run(self.connection, f"truncate {', '.join(self.tables)}")
        return duplicate, int(loaded), int(updated)

    def _drop_duplicates(self) -> int:
        """Keep one row a key; return how many went."""
        table, kind = self.tables[0], self.kind
        return run(
            self.connection,
            f"""
            delete from {table} s using (
                select ctid as place,
                    row_number() over (partition by {kind.key} order by {kind.order}) as n
                from {table}
            ) d where d.place = s.ctid and d.n > 1
            """,
        )


def copy_rows(connection: Connection, target: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY rows of any types into a table and columns, trusted."""
    with driver(connection).cursor().copy(f"copy {target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def run(connection: Connection, sql: str) -> int:
    """Run SQL as it stands; return how many rows the statement wrote."""
    return connection.exec_driver_sql(sql, execution_options={"no_parameters": True}).rowcount
