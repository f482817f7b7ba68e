"""Calls of the SQL functions: their arguments, the statements, and what is read of the rows."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import DBAPIError

from recsys.errors import InvalidRequest, UnknownGenre, UnknownMovie
from recsys.serving.answers import Answer, Answers
from recsys.serving.arguments import integer, integers, listed

if TYPE_CHECKING:
    from recsys.arrays import Vectors
    from recsys.serving.pools import Pools

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
    "experiment": "text",
    "variants": "text[]",
    "propensities": "real[]",
    "shown_at": "timestamptz",
    "withdrawn_at": "timestamptz",
    "by": "text",
    "encoder": "text",
    "distance": "text",
    "plot": "text",
    "threshold": "real",
    "half_life": "interval",
    "not_shown_since": "interval",
    "fresh": "real",
    "watchlist_first": "boolean",
    "keyword_weight": "real",
    "title_weight": "real",
    "genre_weight": "real",
    "embedding": "public.vector",
}
REQUIRED = {"user_id", "user_ids", "movie_id", "movie_ids", "liked", "query", "plot", "k"}

LOG = logging.getLogger("recsys")

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
        """Send it and return the answer; the logger `recsys` gets it with its time, at DEBUG."""
        begun = time.perf_counter()
        answer = self.read(connection.execute(text(self.statement), self.arguments))
        if LOG.isEnabledFor(logging.DEBUG):
            took = 1000 * (time.perf_counter() - begun)
            LOG.debug("%s %r: %.1f ms", inspect.cleandoc(self.statement), self.arguments, took)
        return answer

    def answer(self, pools: Pools) -> Result:
        """Ask it on a connection of the pools; an error names the argument that is refused.

        Raises
        ------
        InvalidRequest
            An argument has no answer.
        """
        try:
            return pools.run(self.ask, self.writes)
        except InvalidRequest as error:
            if isinstance(error.__cause__, DBAPIError):
                self._name_argument(error)
            raise

    def _name_argument(self, error: InvalidRequest) -> None:
        """Say which argument is refused: SQL checks some alike, and tells its value as a text."""
        if isinstance(error, UnknownMovie | UnknownGenre):
            for name, given in self.arguments.items():
                if name == error.argument and given == error.value:
                    return
                if isinstance(given, list) and error.value in given:
                    error.argument = name
                    return
        elif error.argument in self.arguments:
            error.value = self.arguments[error.argument]


def call(
    row: type[Answer], function: str, filters: Filters | None = None, /, **arguments: Any
) -> Question[Answers[Answer]]:
    """Return the call of a SQL function by named arguments; None leaves the function's default.

    Raises
    ------
    TypeError
        There is no such filter.
    """
    named, given = _named(function, filters, arguments)

    def read(found: CursorResult[Any]) -> Answers[Answer]:
        return Answers(row, [row(**values) for values in found.mappings()])

    return Question(f"select {_columns(row)} from recsys.{function}({named})", given, read)


def call_for_each(
    row: type[Answer],
    function: str,
    filters: Filters,
    user_ids: Sequence[int],
    /,
    **arguments: Any,
) -> Question[dict[int, Answers[Answer]]]:
    """Return the call of a SQL function of a user for several of them, in one statement."""
    named, given = _named(function, filters, arguments)
    users = list(dict.fromkeys(integers("user_ids", user_ids)))

    def read(found: CursorResult[Any]) -> dict[int, Answers[Answer]]:
        answers: dict[int, Answers[Answer]] = {user_id: Answers(row, []) for user_id in users}
        for one in found:
            answers[one[0]].append(row(*one[1:]))
        return answers

    return Question(
        f"select u.user_id, {_columns(row, 'r.')}"
        " from unnest(cast(:user_ids as bigint[])) u (user_id)"
        f" cross join lateral recsys.{function}(u.user_id, {named}) r order by r.rank",
        {"user_ids": users, **given},
        read,
    )


def write(function: str, **arguments: Any) -> Question[None]:
    """Return the call of a SQL function that writes, and returns nothing."""
    named, given = _named(function, None, arguments)
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


def _columns(row: type[Any], table: str = "") -> str:
    return ", ".join(table + field.name for field in fields(row))


def _named(
    function: str, filters: Filters | None, arguments: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return arguments by name, as SQL and as values; None leaves the function's default."""
    filters = filters or {}
    for name in filters.keys() - Filters.__annotations__:
        raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
    given = {
        name: _plain(name, value)
        for name, value in {**arguments, **filters}.items()
        if value is not None or name in REQUIRED
    }
    # With its type said, a value out of range is refused as such, not taken for another's.
    return ", ".join(f"{name} => cast(:{name} as {TYPES[name]})" for name in given), given


def _plain(name: str, value: Any) -> Any:
    """Return an argument as the driver takes it: a list, or a vector in pgvector's notation."""
    if value is None:  # of which SQL says what is wanted
        return None
    match TYPES[name]:
        case "bigint" | "integer" as kind:
            return integer(name, value, kind)
        case "bigint[]":
            # Nulls are SQL's to judge.
            return [one if one is None else integer(name, one) for one in listed(name, value)]
        case "text[]" | "real[]":
            return listed(name, value)
        case "public.vector":
            return str([float(number) for number in value])
    return value
