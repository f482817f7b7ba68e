"""The SQL functions as Python methods: same names, same arguments, typed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Engine, text

from recsys.answers import (
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
from recsys.database import reported_errors
from recsys.migrations import ready_engine
from recsys.settings import Settings

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
        diversity: float = 0,
        rerank: bool = True,
        model_id: int | None = None,
        include_predicted_genres: bool = False,
    ) -> Answers[Recommendation]:
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
        include_predicted_genres: bool = False,
        by: str = "ratings",
        encoder: str = "terms",
        distance: str = "cosine",
    ) -> Answers[SimilarMovie]:
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
        return self._call(SimilarMovie, "similar_movies", locals())

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
    ) -> Answers[SimilarMovie]:
        """Return the k films most like the liked ones and least like the disliked ones.

        Raises
        ------
        InvalidRequest
            No film is liked, a film, a genre or a model is unknown, or k is below 1.
        """
        return self._call(SimilarMovie, "more_like", locals())

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
    ) -> Answers[Recommendation]:
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
        return self._call(Recommendation, "recommend_group", locals())

    def score_movies(
        self, user_id: int, movie_ids: Sequence[int], model_id: int | None = None
    ) -> Answers[ScoredMovie]:
        """Return the score of each given film for a user, rated or not, the best first.

        Raises
        ------
        InvalidRequest
            A film or the model is unknown.
        """
        return self._call(ScoredMovie, "score_movies", locals())

    def explain(
        self, user_id: int, movie_id: int, k: int = 3, model_id: int | None = None
    ) -> Answers[Explanation]:
        """Return the k liked films that add most to a user's score of a film.

        Raises
        ------
        InvalidRequest
            The film or the model is unknown, or k is below 1.
        """
        return self._call(Explanation, "explain", locals())

    def user_vector(self, user_id: int, model_id: int | None = None) -> NDArray[np.float32] | None:
        """Return the user's vector as of now, ``(factors + 1,)``; None where there is none.

        Raises
        ------
        InvalidRequest
            The model is unknown.
        """
        statement = text(
            "select cast(recsys.user_vector(cast(:user_id as bigint), cast(:model_id as bigint))"
            " as real[])"
        )
        with reported_errors(), self._engine.connect() as connection:
            values = connection.execute(
                statement, {"user_id": user_id, "model_id": model_id}
            ).scalar()
        if values is None:
            return None
        import numpy as np

        return np.array(values, dtype=np.float32)

    def search_titles(self, query: str, k: int = 10) -> Answers[TitleMatch]:
        """Return the k films whose titles are most like the query.

        Raises
        ------
        InvalidRequest
            The query is empty, or k is below 1.
        """
        return self._call(TitleMatch, "search_titles", locals())

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
    ) -> Answers[PlotMatch]:
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
        return self._call(PlotMatch, "search_plots", locals())

    def predict_genres(self, plot: str, threshold: float | None = None) -> Answers[PredictedGenre]:
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
        return self._call(PredictedGenre, "predict_genres", locals())

    def predict_movie_genres(
        self, movie_id: int, threshold: float | None = None, encoder: str = "terms"
    ) -> Answers[PredictedGenre]:
        """Return the genres of a film by its text's vector, listed or not; none without a text.

        Raises
        ------
        InvalidRequest
            The film or the encoder is unknown, or the threshold is not in 0 to 1.
        """
        return self._call(PredictedGenre, "predict_movie_genres", locals())

    def _call(self, row: type[Answer], function: str, given: dict[str, Any]) -> Answers[Answer]:
        """Call a SQL function with its arguments by name; those left at None keep its default."""
        arguments = {
            name: _plain(name, value)
            for name, value in given.items()
            if name in TYPES and (value is not None or name in REQUIRED)
        }
        # With its type said, a value out of range is refused as such, not taken for another's.
        named = ", ".join(f"{name} => cast(:{name} as {TYPES[name]})" for name in arguments)
        columns = ", ".join(field.name for field in fields(row))
        statement = text(f"select {columns} from recsys.{function}({named})")
        with reported_errors(), self._engine.connect() as connection:
            found = connection.execute(statement, arguments).mappings()
            return Answers(row, [row(**values) for values in found])


def _plain(name: str, value: Any) -> Any:
    """Return an argument as the driver takes it: a list, or a vector in pgvector's notation."""
    if name == "embedding":
        return str([float(number) for number in value])
    return list(value) if name in LISTS and not isinstance(value, str) else value
