"""Ask a running Superset for a dataset and charts of every view, and compare with SQL.

Everything goes through Superset's REST API, as its pages do it; the database is asked for the
same figures without Superset. Run by ``superset.sh``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, LiteralString
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg
from psycopg import sql

SCHEMA = "recsys_bi"
START_TIMEOUT_S = 120
TOP = 10
RANGE = ("2000-01-01", "2010-01-01")
NUMERIC, TEMPORAL = 0, 2  # Superset's kinds of types
WRITES = (
    "insert into recsys.ratings (user_id, movie_id, rating) values (1, 1, 5)",
    "update recsys.movies set title = ''",
    "delete from recsys.models",
    "create table public.notes (note text)",
)

Json = dict[str, Any]


class Superset:
    """The REST API of a Superset."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.token = ""
        self._wait()
        login = {"username": "admin", "password": password, "provider": "db"}
        self.token = self.ask("security/login", login)["access_token"]

    def ask(self, path: str, body: Json | None = None) -> Json:
        """Send a GET request, or with `body` a POST; return the answer or raise RuntimeError."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(f"{self.address}/api/v1/{path}", data, headers)) as answer:
                found: Json = json.load(answer)
                return found
        except HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read().decode()}") from error

    def chart(self, dataset: int, **query: Any) -> list[Json]:
        """Return the rows that a chart of this query draws."""
        answer = self.ask(
            "chart/data",
            {
                "datasource": {"id": dataset, "type": "table"},
                "force": True,  # not from the cache
                "result_format": "json",
                "result_type": "full",
                "queries": [query],
            },
        )
        rows: list[Json] = answer["result"][0]["data"]
        return rows

    def lab(self, database: int, statement: str) -> list[Json]:
        """Return the rows of a statement of SQL Lab."""
        body = {"database_id": database, "schema": SCHEMA, "sql": statement, "runAsync": False}
        rows: list[Json] = self.ask("sqllab/execute/", body)["data"]
        return rows

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                with urlopen(f"{self.address}/health"):
                    return
            except URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


class View:
    """A view as the database tells it, with the figures that Superset's charts must show."""

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        self.name = name
        self._connection = connection
        self._view = sql.Identifier(SCHEMA, name)

    @staticmethod
    def names(connection: psycopg.Connection[Any]) -> list[str]:
        """Return the names of all views."""
        query = "select viewname from pg_views where schemaname = %s order by 1"
        return [row[0] for row in connection.execute(query, (SCHEMA,))]

    def columns(self) -> dict[str, str | None]:
        """Return the columns in order, with their comments."""
        return dict(
            self._connection.execute(
                "select attname, col_description(attrelid, attnum) from pg_attribute"
                " where attrelid = %s::regclass and attnum > 0 and not attisdropped"
                " order by attnum",
                (self._view.as_string(),),
            ).fetchall()
        )

    def count(self) -> int:
        """Return the number of rows."""
        return int(self._values("select count(*) from {view}")[0])

    def mean(self, column: str) -> float | None:
        """Return a column's mean."""
        value = self._values("select avg({column})::float8 from {view}", column)[0]
        return None if value is None else float(value)

    def largest_groups(self, column: str) -> list[Any]:
        """Return how many rows have each of a column's most frequent values."""
        return self._values(
            "select count(*) from {view} group by {column} order by 1 desc limit {top}", column
        )

    def by_month(self, column: str) -> list[Any]:
        """Return how many rows each month has, those without a time last."""
        return self._values(
            "select count(*) from {view} group by date_trunc('month', {column})"
            " order by date_trunc('month', {column})",
            column,
        )

    def within(self, column: str) -> int:
        """Return how many rows have a time in the range."""
        return int(
            self._values(
                "select count(*) from {view} where {column} >= {start} and {column} < {end}", column
            )[0]
        )

    def _values(self, query: LiteralString, column: str = "") -> list[Any]:
        statement = sql.SQL(query).format(
            view=self._view,
            column=sql.Identifier(column),
            top=sql.Literal(TOP),
            start=sql.Literal(RANGE[0]),
            end=sql.Literal(RANGE[1]),
        )
        return [row[0] for row in self._connection.execute(statement)]


def main() -> int:
    """Connect, list the views, try each, and try to write."""
    superset = Superset(os.environ["SUPERSET_URL"], os.environ["SUPERSET_PASSWORD"])
    user, password, host, port, name = (
        quote(os.environ[variable], safe="")
        for variable in ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE")
    )
    database = superset.ask(
        "database/",
        {
            "database_name": "recsys",
            "sqlalchemy_uri": f"postgresql+psycopg2://{user}:{password}@{host}:{port}/{name}",
            "expose_in_sqllab": True,
            "allow_dml": True,  # so that it is the role which forbids to write
        },
    )["id"]
    print(f"{'view':<24}{'rows':>9}{'columns':>9}{'figures':>9}")
    with psycopg.connect(autocommit=True) as connection:
        views = View.names(connection)
        faults = list(wrong_list(superset, database, views))
        for view in views:
            faults += try_view(superset, database, View(connection, view))
    faults += try_lab(superset, database)
    print(*faults, f"{len(views)} views, {len(faults)} faults", sep="\n")
    return 1 if faults or not views else 0


def wrong_list(superset: Superset, database: int, views: list[str]) -> Iterator[str]:
    """Compare the list that Superset offers for new datasets."""
    answer = superset.ask(f"database/{database}/tables/?q=(force:!t,schema_name:{SCHEMA})")
    offered = {row["value"]: row["type"] for row in answer["result"]}
    if offered != dict.fromkeys(views, "view"):
        yield f"Superset lists {offered}, the database {views}"


def try_view(superset: Superset, database: int, view: View) -> list[str]:
    """Make a dataset of a view and draw its charts; return what is wrong, each with its view."""
    faults = []
    rows = compared = 0
    columns: list[Json] = []
    try:
        body = {"database": database, "schema": SCHEMA, "table_name": view.name}
        dataset = superset.ask("dataset/", body)["id"]
        columns = superset.ask(f"dataset/{dataset}")["result"]["columns"]
        if {c["column_name"]: c["description"] for c in columns} != view.columns():
            faults.append("other columns or comments than the view's")
        faults += [f"{c['column_name']}: no comment" for c in columns if not c["description"]]
        faults += [f"{c['column_name']}: no type" for c in columns if not c["type"]]
        rows = view.count()
        if not rows:
            faults.append("it is empty, so nothing is compared")
        for what, drawn, expected in charts(superset, dataset, columns, view):
            compared += 1
            if drawn != expected:
                faults.append(f"{what}: Superset draws {drawn}, the database has {expected}")
    except (RuntimeError, psycopg.Error) as error:
        faults.append(str(error))
    state = "FAILED" if faults else "ok"
    print(f"{view.name:<24}{rows:>9}{len(columns):>9}{compared:>9} {state}")
    return [f"{view.name}: {fault}" for fault in faults]


def charts(
    superset: Superset, dataset: int, columns: list[Json], view: View
) -> Iterator[tuple[str, Any, Any]]:
    """Yield charts of a view: what is drawn, its values, and the same from the database.

    One of the number of rows and the means of the numbers; one for each column, of its largest
    groups; and two for each column of times, by month and of one range alone.
    """
    numbers = [c["column_name"] for c in columns if c["type_generic"] == NUMERIC]
    means = [
        {
            "expressionType": "SIMPLE",
            "column": {"column_name": name},
            "aggregate": "AVG",
            "label": name,
        }
        for name in numbers
    ]
    row = superset.chart(dataset, metrics=["count", *means])[0]
    yield "rows", row["count"], view.count()
    for name in numbers:
        yield f"mean of {name}", rounded(row[name]), rounded(view.mean(name))
    for name in (c["column_name"] for c in columns):
        groups = superset.chart(
            dataset,
            metrics=["count"],
            columns=[name],
            orderby=[["count", False]],
            row_limit=TOP,
        )
        yield f"groups of {name}", [group["count"] for group in groups], view.largest_groups(name)
    for name in (c["column_name"] for c in columns if c["type_generic"] == TEMPORAL):
        axis = {
            "columnType": "BASE_AXIS",
            "expressionType": "SQL",
            "sqlExpression": name,
            "label": "month",
            "timeGrain": "P1M",
        }
        months = superset.chart(dataset, metrics=["count"], columns=[axis])
        months.sort(key=lambda row: (row["month"] is None, row["month"]))
        yield f"months of {name}", [month["count"] for month in months], view.by_month(name)
        within = {"col": name, "op": "TEMPORAL_RANGE", "val": " : ".join(RANGE)}
        ranged = superset.chart(dataset, metrics=["count"], filters=[within])
        yield f"range of {name}", ranged[0]["count"], view.within(name)


def rounded(value: float | None) -> float | None:
    """Round a mean to what does not depend on the order of summing."""
    return None if value is None else float(f"{value:.9g}")


def try_lab(superset: Superset, database: int) -> list[str]:
    """Ask a function in SQL Lab, and try to write there; return what is wrong."""
    faults = []
    films = superset.lab(database, "select * from recsys.recommend(1, k => 5)")
    if len(films) != 5:
        faults.append(f"recommend: {len(films)} films in place of 5")
    for statement in WRITES:
        try:
            superset.lab(database, statement)
            faults.append(f"allowed: {statement}")
        except RuntimeError as error:
            if "permission denied" not in str(error):
                faults.append(str(error))
    print(f"SQL Lab: {len(films)} films recommended; {len(WRITES)} writes tried")
    return [f"SQL Lab: {fault}" for fault in faults]


if __name__ == "__main__":
    sys.exit(main())
