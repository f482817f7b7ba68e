"""The SQL functions as Python methods: same names, same arguments, typed rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Engine, text

from recsys.database import reported_errors
from recsys.migrations import ready_engine
from recsys.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

TYPES = {
    "user_id": "bigint",
    "movie_id": "bigint",
    "query": "text",
    "k": "integer",
    "genres": "text[]",
    "exclude_genres": "text[]",
    "year_from": "integer",
    "year_to": "integer",
    "min_ratings": "integer",
    "exclude_movies": "bigint[]",
    "include_rated": "boolean",
    "model_id": "bigint",
}
LISTS = {name for name, kind in TYPES.items() if kind.endswith("[]")}
REQUIRED = {"user_id", "movie_id", "query", "k"}


@dataclass(frozen=True)
class Recommendation:
    """One recommended film; the columns of ``recsys.recommend``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    predicted_rating: float | None
    source: str
    because_movie_id: int | None
    because_title: str | None
    model_id: int | None


@dataclass(frozen=True)
class SimilarMovie:
    """One film that resembles another; the columns of ``recsys.similar_movies``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    source: str
    model_id: int | None


@dataclass(frozen=True)
class TitleMatch:
    """One film whose title matches a query; the columns of ``recsys.search_titles``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    score: float


Answer = TypeVar("Answer", bound=Recommendation | SimilarMovie | TitleMatch)


class Answers(list[Answer]):
    """A list of rows in the order of their rank."""

    def __init__(self, kind: type[Answer], rows: Iterable[Answer]) -> None:
        super().__init__(rows)
        self._columns = [field.name for field in fields(kind)]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas frame."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self], columns=self._columns)


class Recommender:
    """Answers from the database, through a pool of connections.

    Parameters
    ----------
    url
        ``postgresql://...``; None for ``DATABASE_URL``, or else the embedded server.

    Raises
    ------
    DatabaseUnreachable, DatabaseOutOfDate
        There is no server, or its schema is not this version's.

    Examples
    --------
    >>> with Recommender() as recommender:  # doctest: +SKIP
    ...     for film in recommender.recommend(42, k=3, genres=["Comedy"]):
    ...         print(film.rank, film.title)
    """

    def __init__(self, url: str | None = None) -> None:
        settings = Settings.from_environment()
        self._engine = ready_engine(replace(settings, database_url=url) if url else settings)

    @classmethod
    def on(cls, engine: Engine) -> Self:
        """Return a recommender on an engine that is open already."""
        recommender = cls.__new__(cls)
        recommender._engine = engine
        return recommender

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def recommend(
        self,
        user_id: int,
        k: int = 10,
        *,
        genres: Sequence[str] | None = None,
        exclude_genres: Sequence[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        exclude_movies: Sequence[int] | None = None,
        include_rated: bool = False,
        model_id: int | None = None,
    ) -> Answers[Recommendation]:
        """Return the k best films for a user: personal ones first, then popular ones.

        Raises
        ------
        InvalidRequest
            A genre or a model is unknown, or k is below 1.
        """
        return self._call(Recommendation, "recommend", locals())

    def similar_movies(
        self,
        movie_id: int,
        k: int = 10,
        *,
        genres: Sequence[str] | None = None,
        exclude_genres: Sequence[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        exclude_movies: Sequence[int] | None = None,
        model_id: int | None = None,
    ) -> Answers[SimilarMovie]:
        """Return the k films that the same people like most.

        Raises
        ------
        InvalidRequest
            The film, a genre or a model is unknown, or k is below 1.
        """
        return self._call(SimilarMovie, "similar_movies", locals())

    def search_titles(self, query: str, k: int = 10) -> Answers[TitleMatch]:
        """Return the k films whose titles are most like the query.

        Raises
        ------
        InvalidRequest
            The query is empty, or k is below 1.
        """
        return self._call(TitleMatch, "search_titles", locals())

    def _call(self, row: type[Answer], function: str, given: dict[str, Any]) -> Answers[Answer]:
        """Call a SQL function with its arguments by name; those left at None keep its default."""
        arguments = {
            name: list(value) if name in LISTS and not isinstance(value, str) else value
            for name, value in given.items()
            if name in TYPES and (value is not None or name in REQUIRED)
        }
        # With its type said, a value out of range is refused as such, not taken for another's.
        named = ", ".join(f"{name} => cast(:{name} as {TYPES[name]})" for name in arguments)
        columns = ", ".join(field.name for field in fields(row))
        statement = text(f"select {columns} from recsys.{function}({named}) order by rank")
        with reported_errors(), self._engine.connect() as connection:
            found = connection.execute(statement, arguments).mappings()
            return Answers(row, [row(**values) for values in found])
