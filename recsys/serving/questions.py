"""What can be asked: the SQL functions with their arguments, and ratings to write.

Each method is written once, here, and only says what it would ask; `recommender` makes of it a
method that asks and waits, and one that asks in asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, CursorResult, text

from recsys.errors import InvalidRequest
from recsys.serving.answers import (
    Answer,
    Answers,
    Explanation,
    PlotMatch,
    PredictedGenre,
    Recommendation,
    ScoredMovie,
    SimilarMovie,
    TitleMatch,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    "by": "text",
    "encoder": "text",
    "distance": "text",
    "plot": "text",
    "threshold": "real",
    "keyword_weight": "real",
    "title_weight": "real",
    "genre_weight": "real",
    "embedding": "public.vector",
}
LISTS = {name for name, kind in TYPES.items() if kind.endswith("[]")}
REQUIRED = {"user_id", "user_ids", "movie_id", "movie_ids", "liked", "query", "plot", "k"}


Result = TypeVar("Result")


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


class Questions:
    """All of them."""

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
        diversity: float = 0,
        rerank: bool = True,
        model_id: int | None = None,
        include_predicted_genres: bool = False,
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for a user: personal ones first, then popular ones.

        Parameters
        ----------
        diversity
            0 is the order of the scores; up to 1, the films are less alike.
        rerank
            Let the model's ranker order them, where it has one.
        include_predicted_genres
            Those predicted for films that list none count, too; so in the other lists.

        Raises
        ------
        InvalidRequest
            A genre or a model is unknown, k is below 1, or the diversity is not in 0 to 1.
        """
        return _rows(Recommendation, "recommend", locals())

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
        include_predicted_genres: bool = False,
        by: str = "ratings",
        encoder: str = "terms",
        distance: str = "cosine",
    ) -> Question[Answers[SimilarMovie]]:
        """Return the k films that the same people like most, or whose plots are most alike.

        Parameters
        ----------
        by
            ``ratings``, ``plot`` or ``both``.
        encoder, distance
            Whose text vectors plots are compared by; ``cosine``, ``dot`` or ``euclidean``.

        Raises
        ------
        InvalidRequest
            The film, a genre or a model is unknown, or k is below 1.
        """
        return _rows(SimilarMovie, "similar_movies", locals())

    def more_like(
        self,
        liked: Sequence[int],
        disliked: Sequence[int] = (),
        k: int = 10,
        *,
        genres: Sequence[str] | None = None,
        exclude_genres: Sequence[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        exclude_movies: Sequence[int] | None = None,
        model_id: int | None = None,
        include_predicted_genres: bool = False,
    ) -> Question[Answers[SimilarMovie]]:
        """Return the k films most like the liked ones and least like the disliked ones.

        Raises
        ------
        InvalidRequest
            No film is liked, a film, a genre or a model is unknown, or k is below 1.
        """
        return _rows(SimilarMovie, "more_like", locals())

    def recommend_group(
        self,
        user_ids: Sequence[int],
        k: int = 10,
        strategy: str = "mean",
        *,
        genres: Sequence[str] | None = None,
        exclude_genres: Sequence[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        exclude_movies: Sequence[int] | None = None,
        model_id: int | None = None,
        include_predicted_genres: bool = False,
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for several users that none of them has rated.

        Parameters
        ----------
        strategy
            ``mean`` of their scores, or ``least_misery``: the lowest of them.

        Raises
        ------
        InvalidRequest
            No user is named, the strategy, a genre or a model is unknown, or k is below 1.
        """
        return _rows(Recommendation, "recommend_group", locals())

    def score_movies(
        self, user_id: int, movie_ids: Sequence[int], model_id: int | None = None
    ) -> Question[Answers[ScoredMovie]]:
        """Return the score of each given film for a user, rated or not, the best first.

        Raises
        ------
        InvalidRequest
            A film or the model is unknown.
        """
        return _rows(ScoredMovie, "score_movies", locals())

    def explain(
        self, user_id: int, movie_id: int, k: int = 3, model_id: int | None = None
    ) -> Question[Answers[Explanation]]:
        """Return the k liked films that add most to a user's score of a film.

        Raises
        ------
        InvalidRequest
            The film or the model is unknown, or k is below 1.
        """
        return _rows(Explanation, "explain", locals())

    def user_vector(
        self, user_id: int, model_id: int | None = None
    ) -> Question[NDArray[np.float32] | None]:
        """Return the user's vector as of now, ``(factors + 1,)``; None where there is none.

        Raises
        ------
        InvalidRequest
            The model is unknown.
        """
        return Question(
            "select cast(recsys.user_vector(cast(:user_id as bigint), cast(:model_id as bigint))"
            " as real[])",
            {"user_id": user_id, "model_id": model_id},
            _vector,
        )

    def search_titles(self, query: str, k: int = 10) -> Question[Answers[TitleMatch]]:
        """Return the k films whose titles are most like the query.

        Raises
        ------
        InvalidRequest
            The query is empty, or k is below 1.
        """
        return _rows(TitleMatch, "search_titles", locals())

    def search_plots(
        self,
        query: str,
        k: int = 10,
        *,
        genres: Sequence[str] | None = None,
        exclude_genres: Sequence[str] | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        exclude_movies: Sequence[int] | None = None,
        keyword_weight: float | None = None,
        title_weight: float | None = None,
        genre_weight: float | None = None,
        embedding: Sequence[float] | NDArray[np.float32] | None = None,
        encoder: str = "terms",
        distance: str = "cosine",
        include_predicted_genres: bool = False,
    ) -> Question[Answers[PlotMatch]]:
        """Return the k films whose plots are most like the query, in any words.

        Parameters
        ----------
        keyword_weight, title_weight, genre_weight
            How much keywords and tags (0.2), titles (0) and names of genres (0) count beside the
            plot.
        embedding
            Of the query by another encoder than ``terms``, whose vectors films have.

        Raises
        ------
        InvalidRequest
            The query is empty or has no word of any film's text, a genre, the encoder or the
            distance is unknown, the vector is none of the encoder's, or k is below 1.
        """
        return _rows(PlotMatch, "search_plots", locals())

    def predict_genres(
        self, plot: str, threshold: float | None = None
    ) -> Question[Answers[PredictedGenre]]:
        """Return the genres of a plot, the likeliest first.

        Parameters
        ----------
        threshold
            Least probability; None for each genre's own.

        Raises
        ------
        InvalidRequest
            The plot is empty or has no word that is known, or the threshold is not in 0 to 1.
        """
        return _rows(PredictedGenre, "predict_genres", locals())

    def predict_movie_genres(
        self, movie_id: int, threshold: float | None = None, encoder: str = "terms"
    ) -> Question[Answers[PredictedGenre]]:
        """Return the genres of a film by its text's vector, listed or not; none without a text.

        Raises
        ------
        InvalidRequest
            The film or the encoder is unknown, or the threshold is not in 0 to 1.
        """
        return _rows(PredictedGenre, "predict_movie_genres", locals())

    def rate(
        self, user_id: int, movie_id: int, rating: float, rated_at: datetime | None = None
    ) -> Question[None]:
        """Write a rating, or another one in its place; the next answer counts it.

        Parameters
        ----------
        rating
            Stars, 0.5 to 5.
        rated_at
            None for now; without a time zone, in the session's (`TimeZone` of the server).

        Raises
        ------
        InvalidRequest
            The film is unknown, or the rating is not in 0.5 to 5.
        """
        if not 0.5 <= rating <= 5:  # of the table's constraint, the database says no value
            raise InvalidRequest(f"rating is {rating:g}: choose 0.5 to 5")
        return Question(
            "with known as materialized"
            " (select recsys_internal.check_movies(array[cast(:movie_id as bigint)]))"
            " insert into recsys.ratings (user_id, movie_id, rating, rated_at)"
            " select cast(:user_id as bigint), cast(:movie_id as bigint), cast(:rating as real),"
            " coalesce(cast(:rated_at as timestamptz), now()) from known"
            " on conflict (user_id, movie_id)"
            " do update set rating = excluded.rating, rated_at = excluded.rated_at",
            {"user_id": user_id, "movie_id": movie_id, "rating": rating, "rated_at": rated_at},
            _nothing,
            writes=True,
        )


def _rows(row: type[Answer], function: str, given: dict[str, Any]) -> Question[Answers[Answer]]:
    """Call a SQL function with its arguments by name; those left at None keep its default."""
    arguments = {
        name: _plain(name, value)
        for name, value in given.items()
        if name in TYPES and (value is not None or name in REQUIRED)
    }
    # With its type said, a value out of range is refused as such, not taken for another's.
    named = ", ".join(f"{name} => cast(:{name} as {TYPES[name]})" for name in arguments)
    columns = ", ".join(field.name for field in fields(row))

    def read(found: CursorResult[Any]) -> Answers[Answer]:
        return Answers(row, [row(**values) for values in found.mappings()])

    return Question(f"select {columns} from recsys.{function}({named})", arguments, read)


def _vector(found: CursorResult[Any]) -> NDArray[np.float32] | None:
    values = found.scalar()
    if values is None:
        return None
    import numpy as np

    return np.array(values, dtype=np.float32)


def _nothing(found: CursorResult[Any]) -> None:
    found.close()


def _plain(name: str, value: Any) -> Any:
    """Return an argument as the driver takes it: a list, or a vector in pgvector's notation."""
    if name == "embedding":
        return str([float(number) for number in value])
    return list(value) if name in LISTS and not isinstance(value, str) else value
