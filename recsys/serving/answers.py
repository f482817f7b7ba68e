"""The rows that the SQL functions answer with, typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Recommendation:
    """One recommended film; the columns of ``recsys.recommend``.

    Attributes
    ----------
    rank
        Place in the list; 1 is the best.
    movie_id, title, year
        The film; the year is None where its source names none.
    genres
        Names of its genres, in order.
    score
        Higher is better; comparable among rows of one source and user alone.
    predicted_rating
        Stars that the user would give it, 0.5 to 5; None without a ranker, or without a user.
    source
        ``personal``, ``live``, ``content`` or ``popular``: where the row came from.
    because_movie_id, because_title
        The liked film that adds most to the score; None where none adds anything.
    model_id
        The model that answered; None for popular films.
    variant
        The variant of the experiment that chose the film; None outside of experiments.
    """

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
    variant: str | None = None


@dataclass(frozen=True)
class SimilarMovie:
    """One film of a list; the columns of ``recsys.similar_movies`` and ``recsys.popular``.

    Attributes
    ----------
    rank
        Place in the list; 1 is the best.
    movie_id, title, year
        The film; the year is None where its source names none.
    genres
        Names of its genres, in order.
    score
        The cosine; of popular films, how many like them now.
    source
        ``personal``, ``content`` (plots) or ``popular``: where the row came from.
    model_id
        The model that answered; None for plots and popular films.
    """

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
    """One film and what a user would think of it; the columns of ``recsys.score_movies``.

    Attributes
    ----------
    movie_id
        The film.
    score
        Higher is better; comparable among rows of one source and user alone.
    predicted_rating
        Stars that the user would give it, 0.5 to 5; None without a ranker.
    source
        ``personal``, ``live``, ``content`` or ``popular``: what the score is made from.
    """

    movie_id: int
    score: float
    predicted_rating: float | None
    source: str


@dataclass(frozen=True)
class Explanation:
    """One rated film and what it adds to a score; the columns of ``recsys.explain``.

    Attributes
    ----------
    rank
        Place in the list; 1 adds most.
    because_movie_id
        The rated film; None for what is not the user's.
    because_title
        Its title, or what else it is, such as what is popular now.
    rating
        Stars that the user gave it.
    contribution
        What it adds to the score.
    """

    rank: int
    because_movie_id: int | None
    because_title: str
    rating: float | None
    contribution: float


@dataclass(frozen=True)
class RankedUser:
    """One user of a list; the columns of ``recsys.users_for`` and ``recsys.similar_users``.

    Attributes
    ----------
    rank
        Place in the list; 1 is the best.
    user_id
        The user.
    score
        Their score of the film, or the cosine of the two users' vectors.
    """

    rank: int
    user_id: int
    score: float


@dataclass(frozen=True)
class TitleMatch:
    """One film whose title matches a query; the columns of ``recsys.search_titles``.

    Attributes
    ----------
    rank
        Place in the list; 1 is the best.
    movie_id, title, year
        The film; the year is None where its source names none.
    score
        Likeness of the title, up to 1.
    """

    rank: int
    movie_id: int
    title: str
    year: int | None
    score: float


@dataclass(frozen=True)
class PlotMatch:
    """One film whose texts match a query; the columns of ``recsys.search_plots``.

    Attributes
    ----------
    rank
        Place in the list; 1 is the best.
    movie_id, title, year
        The film; the year is None where its source names none.
    genres
        Names of its genres, in order.
    score
        Higher is better; comparable within one answer.
    """

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float


@dataclass(frozen=True)
class PredictedGenre:
    """A genre and how probable it is; the columns of ``recsys.predict_genres``.

    Attributes
    ----------
    genre
        Name of the genre.
    probability
        0 to 1.
    """

    genre: str
    probability: float


DTYPES = {
    "int": "Int64",
    "int | None": "Int64",
    "str": "string",
    "str | None": "string",
    "float": "float64",
    "float | None": "Float64",
    "bool": "bool",
    "datetime": "datetime64[us, UTC]",
    "datetime | None": "datetime64[us, UTC]",
}

Answer = TypeVar("Answer", bound="DataclassInstance")


class Answers(list[Answer]):
    """A list of rows, the best first; in a notebook, a table.

    Parameters
    ----------
    kind
        The class of the rows.
    rows
        The rows.
    """

    def __init__(self, kind: type[Answer], rows: Iterable[Answer]) -> None:
        super().__init__(rows)
        self._kind = kind

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Answer: ...
    @overload
    def __getitem__(self, places: slice, /) -> Answers[Answer]: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> Answer | Answers[Answer]:
        """Return a row; or a part of the list, which is a list of answers, too."""
        if isinstance(place, slice):
            return Answers(self._kind, super().__getitem__(place))
        return super().__getitem__(place)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dicts with the names of the fields."""
        return [asdict(row) for row in self]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas frame, of the same types whatever the rows hold.

        Integers are ``Int64``, texts ``string``, times ``datetime64[us, UTC]``, numbers ``float64``
        or, where some may be missing, ``Float64``; what is missing is ``NA``. Lists stay lists.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                field.name: pd.Series(
                    [getattr(row, field.name) for row in self],
                    dtype=DTYPES.get(str(field.type), "object"),
                )
                for field in fields(self._kind)
            }
        )

    def _repr_html_(self) -> str:
        from recsys.serving.html import table

        return table(self, [field.name for field in fields(self._kind)])
