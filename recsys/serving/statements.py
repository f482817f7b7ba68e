"""Calls of the SQL functions: their arguments, the statements, and what is read of the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from sqlalchemy import Connection, CursorResult, text

from recsys.serving.answers import Answer, Answers

if TYPE_CHECKING:
    from recsys.arrays import Vectors

TYPES = {
    "user_id": "bigint",
    "user_ids": "bigint[]",
    "movie_id": "bigint",
    "movie_ids": "bigint[]",
    "liked": "bigint[]",
    "disliked": "bigint[]",
    "query": "text",
    "k": "integer",
    "genres": "text[]",
    "exclude_genres": "text[]",
    "year_from": "integer",
    "year_to": "integer",
    "min_ratings": "integer",
    "exclude_movies": "bigint[]",
    "include_rated": "boolean",
    "diversity": "real",
    "rerank": "boolean",
    "strategy": "text",
    "model_id": "bigint",
    "include_predicted_genres": "boolean",
    "include_adult": "boolean",
    "withdrawn_at": "timestamptz",
    "by": "text",
    "encoder": "text",
    "distance": "text",
    "plot": "text",
    "threshold": "real",
    "half_life": "interval",
    "keyword_weight": "real",
    "title_weight": "real",
    "genre_weight": "real",
    "embedding": "public.vector",
}
LISTS = {name for name, kind in TYPES.items() if kind.endswith("[]")}
REQUIRED = {"user_id", "user_ids", "movie_id", "movie_ids", "liked", "query", "plot", "k"}

Result = TypeVar("Result")


class Filters(TypedDict, total=False):
    """Which films may be answered; None is no filter.

    Attributes
    ----------
    genres, exclude_genres
        The film has one of these genres at least, and none of those.
    year_from, year_to
        First and last year; a film of an unknown year is in no range.
    min_ratings
        The film has at least so many ratings.
    exclude_movies
        Ids of films to leave out.
    include_predicted_genres
        The genres that were predicted for films that list none count, too.
    include_adult
        Films for adults alone may be answered, too.
    """

    genres: Sequence[str] | None
    exclude_genres: Sequence[str] | None
    year_from: int | None
    year_to: int | None
    min_ratings: int | None
    exclude_movies: Sequence[int] | None
    include_predicted_genres: bool
    include_adult: bool


@dataclass(frozen=True)
class Question(Generic[Result]):
    """A statement to send, and what to make of its rows."""

    statement: str
    arguments: dict[str, Any]
    read: Callable[[CursorResult[Any]], Result]
    writes: bool = False

    def ask(self, connection: Connection) -> Result:
        """Send it and return the answer."""
        return self.read(connection.execute(text(self.statement), self.arguments))


def call(
    row: type[Answer], function: str, filters: Filters | None = None, /, **arguments: Any
) -> Question[Answers[Answer]]:
    """Return the call of a SQL function by named arguments; None leaves the function's default.

    Raises
    ------
    TypeError
        There is no such filter.
    """
    filters = filters or {}
    for name in filters.keys() - Filters.__annotations__:
        raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
    named, given = _named({**arguments, **filters})
    columns = ", ".join(field.name for field in fields(row))

    def read(found: CursorResult[Any]) -> Answers[Answer]:
        return Answers(row, [row(**values) for values in found.mappings()])

    return Question(f"select {columns} from recsys.{function}({named})", given, read)


def write(function: str, **arguments: Any) -> Question[None]:
    """Return the call of a SQL function that writes, and returns nothing."""
    named, given = _named(arguments)
    return Question(f"select recsys.{function}({named})", given, nothing, writes=True)


def vector(found: CursorResult[Any]) -> Vectors | None:
    """Return the one vector, ``(n,)``, or None."""
    values = found.scalar()
    if values is None:
        return None
    import numpy as np  # a tenth of a second, which only this needs

    return np.array(values, dtype=np.float32)


def nothing(found: CursorResult[Any]) -> None:
    """Return nothing: no row is wanted."""
    found.close()


def _named(arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return arguments by name, as SQL and as values; None leaves the function's default."""
    given = {
        name: _plain(name, value)
        for name, value in arguments.items()
        if value is not None or name in REQUIRED
    }
    # With its type said, a value out of range is refused as such, not taken for another's.
    return ", ".join(f"{name} => cast(:{name} as {TYPES[name]})" for name in given), given


def _plain(name: str, value: Any) -> Any:
    """Return an argument as the driver takes it: a list, or a vector in pgvector's notation."""
    if name == "embedding":
        return str([float(number) for number in value])
    return list(value) if name in LISTS and not isinstance(value, str) else value
