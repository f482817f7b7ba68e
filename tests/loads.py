"""What the tests of loading share."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from recsys.load import LoadReport, load
from recsys.sources import open_source
from sqlalchemy import Engine


def run(engine: Engine, path: object, file_format: str | None = None, **options: Any) -> LoadReport:
    return load(engine, open_source(str(path), file_format), **options)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        return [tuple(row) for row in found]


def counts(report: LoadReport, kind: str) -> dict[str, int]:
    """Those counts of a kind that are not zero."""
    return {name: value for name, value in asdict(report.kinds[kind]).items() if value}


def everything(engine: Engine) -> list[tuple[Any, ...]]:
    tables = "movies genres movie_genres ratings tags users movie_texts movie_keywords people"
    return [
        (table, *row)
        for table in [*tables.split(), "movie_people"]
        for row in rows(engine, f"select * from recsys.{table} t order by t")
    ]
