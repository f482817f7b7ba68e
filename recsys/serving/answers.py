"""The rows that the SQL functions answer with, typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import DataclassInstance


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
    """One film of a list; the columns of ``recsys.similar_movies`` and ``recsys.popular``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    source: str
    model_id: int | None


@dataclass(frozen=True)
class ScoredMovie:
    """One film and what a user would think of it; the columns of ``recsys.score_movies``."""

    movie_id: int
    score: float
    predicted_rating: float | None
    source: str


@dataclass(frozen=True)
class Explanation:
    """One rated film and what it adds to a score; the columns of ``recsys.explain``."""

    rank: int
    because_movie_id: int | None
    because_title: str
    rating: float | None
    contribution: float


@dataclass(frozen=True)
class RankedUser:
    """One user of a list; the columns of ``recsys.users_for`` and ``recsys.similar_users``."""

    rank: int
    user_id: int
    score: float


@dataclass(frozen=True)
class TitleMatch:
    """One film whose title matches a query; the columns of ``recsys.search_titles``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    score: float


@dataclass(frozen=True)
class PlotMatch:
    """One film whose texts match a query; the columns of ``recsys.search_plots``."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float


@dataclass(frozen=True)
class PredictedGenre:
    """A genre and how probable it is; the columns of ``recsys.predict_genres``."""

    genre: str
    probability: float


Answer = TypeVar("Answer", bound="DataclassInstance")


class Answers(list[Answer]):
    """A list of rows, the best first."""

    def __init__(self, kind: type[Answer], rows: Iterable[Answer]) -> None:
        super().__init__(rows)
        self._columns = [field.name for field in fields(kind)]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas frame."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self], columns=self._columns)
