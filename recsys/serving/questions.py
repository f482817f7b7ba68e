"""What can be asked: the SQL functions with their arguments.

Each method is written once, here, and only says what it would ask; `recommender` makes two methods
of it: one that asks and waits, and one that asks in asyncio.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Unpack

from recsys.serving.answers import (
    Answers,
    Explanation,
    PlotMatch,
    PredictedGenre,
    RankedUser,
    Recommendation,
    ScoredMovie,
    SimilarMovie,
    TitleMatch,
)
from recsys.serving.arguments import integer
from recsys.serving.lookups import Lookups
from recsys.serving.statements import Filters, Question, call, call_for_each, vector
from recsys.serving.writes import Writes

if TYPE_CHECKING:
    from recsys.arrays import Vectors


class Questions(Lookups, Writes):
    """All questions; the public methods have the same names and arguments."""

    def recommend(
        self,
        user_id: int,
        k: int = 10,
        *,
        include_rated: bool = False,
        diversity: float = 0,
        rerank: bool = True,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for a user: personal ones first, then popular ones.

        Parameters
        ----------
        diversity
            0 is the order of the scores; up to 1, the films are less alike.
        rerank
            Put them in the model's learned order, where it has one.
        **filters
            Which films may be answered, here and in all lists of films; see `Filters`.

        Raises
        ------
        InvalidRequest
            A genre or a model is unknown, k is below 1, or the diversity is not in 0 to 1.
        """
        return call(
            Recommendation,
            "recommend",
            filters,
            user_id=user_id,
            k=k,
            include_rated=include_rated,
            diversity=diversity,
            rerank=rerank,
            model_id=model_id,
        )

    def recommend_many(
        self,
        user_ids: Sequence[int],
        k: int = 10,
        *,
        include_rated: bool = False,
        diversity: float = 0,
        rerank: bool = True,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[dict[int, Answers[Recommendation]]]:
        """Return what `recommend` would for each of several users, in one statement.

        Parameters
        ----------
        user_ids
            The users, and the keys of the answer, in this order.
        k, include_rated, diversity, rerank, model_id, **filters
            As in `recommend`; k is the length of each user's list.

        Raises
        ------
        InvalidRequest
            As in `recommend`.
        """
        return call_for_each(
            Recommendation,
            "recommend",
            filters,
            user_ids,
            k=k,
            include_rated=include_rated,
            diversity=diversity,
            rerank=rerank,
            model_id=model_id,
        )

    def recommend_for(
        self,
        liked: Sequence[int],
        k: int = 10,
        *,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for those who like the given ones, and have no account.

        Parameters
        ----------
        liked
            Films that are liked; they are not answered.
        k
            Length of the list.
        model_id
            A model other than the active one.
        **filters
            Which films may be answered; see `Filters`.

        Raises
        ------
        InvalidRequest
            No film is liked, a film, a genre or the model is unknown, or k is below 1.
        """
        return call(Recommendation, "recommend_for", filters, liked=liked, k=k, model_id=model_id)

    def similar_movies(
        self,
        movie_id: int,
        k: int = 10,
        *,
        model_id: int | None = None,
        by: str = "ratings",
        encoder: str = "terms",
        distance: str = "cosine",
        **filters: Unpack[Filters],
    ) -> Question[Answers[SimilarMovie]]:
        """Return the k films that the same people like most, or whose plots are most alike.

        Parameters
        ----------
        by
            ``ratings``, ``plot`` or ``both``.
        encoder, distance
            Which text vectors compare plots, and how: ``cosine``, ``dot`` or ``euclidean``.

        Raises
        ------
        InvalidRequest
            The film, a genre or a model is unknown, or k is below 1.
        """
        return call(
            SimilarMovie,
            "similar_movies",
            filters,
            movie_id=movie_id,
            k=k,
            model_id=model_id,
            by=by,
            encoder=encoder,
            distance=distance,
        )

    def more_like(
        self,
        liked: Sequence[int],
        disliked: Sequence[int] = (),
        k: int = 10,
        *,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[SimilarMovie]]:
        """Return the k films most like the liked ones and least like the disliked ones.

        Raises
        ------
        InvalidRequest
            No film is liked, a film, a genre or a model is unknown, or k is below 1.
        """
        return call(
            SimilarMovie,
            "more_like",
            filters,
            liked=liked,
            disliked=disliked,
            k=k,
            model_id=model_id,
        )

    def popular(
        self,
        k: int = 10,
        *,
        half_life: timedelta | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[SimilarMovie]]:
        """Return the k films that most people like now.

        Parameters
        ----------
        half_life
            Age at which a like counts half; then all likes are counted in this call. By default it
            is the active model's, and the counts are those of the last load, training or refresh.

        Raises
        ------
        InvalidRequest
            A genre is unknown, k is below 1, or the half-life is not longer than 0.
        """
        return call(SimilarMovie, "popular", filters, k=k, half_life=half_life)

    def recommend_group(
        self,
        user_ids: Sequence[int],
        k: int = 10,
        strategy: str = "mean",
        *,
        model_id: int | None = None,
        **filters: Unpack[Filters],
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
        return call(
            Recommendation,
            "recommend_group",
            filters,
            user_ids=user_ids,
            k=k,
            strategy=strategy,
            model_id=model_id,
        )

    def score_movies(
        self, user_id: int, movie_ids: Sequence[int], model_id: int | None = None
    ) -> Question[Answers[ScoredMovie]]:
        """Return the score of each given film for a user, rated or not, the best first.

        Raises
        ------
        InvalidRequest
            A film or the model is unknown.
        """
        return call(
            ScoredMovie, "score_movies", user_id=user_id, movie_ids=movie_ids, model_id=model_id
        )

    def explain(
        self, user_id: int, movie_id: int, k: int = 3, model_id: int | None = None
    ) -> Question[Answers[Explanation]]:
        """Return the k liked films that add most to a user's score of a film.

        Raises
        ------
        InvalidRequest
            The film or the model is unknown, or k is below 1.
        """
        return call(
            Explanation, "explain", user_id=user_id, movie_id=movie_id, k=k, model_id=model_id
        )

    def users_for(
        self, movie_id: int, k: int = 10, model_id: int | None = None
    ) -> Question[Answers[RankedUser]]:
        """Return the k users with the highest scores of a film that they have not rated.

        Only users that the model knows from its training, or its file, are found; none where it
        has no vector of the film.

        Raises
        ------
        InvalidRequest
            The film or the model is unknown, or k is below 1.
        """
        return call(RankedUser, "users_for", movie_id=movie_id, k=k, model_id=model_id)

    def similar_users(
        self, user_id: int, k: int = 10, model_id: int | None = None
    ) -> Question[Answers[RankedUser]]:
        """Return the k users whose vectors are nearest to a user's, by the angle.

        Only users that the model knows from its training, or its file, are found; none for a user
        without known likes.

        Raises
        ------
        InvalidRequest
            The model is unknown, or k is below 1.
        """
        return call(RankedUser, "similar_users", user_id=user_id, k=k, model_id=model_id)

    def user_vector(self, user_id: int, model_id: int | None = None) -> Question[Vectors | None]:
        """Return the user's vector as of now, ``(factors + 1,)``; None where there is none.

        Raises
        ------
        InvalidRequest
            The model is unknown.
        """
        return Question(
            "select cast(recsys.user_vector(cast(:user_id as bigint), cast(:model_id as bigint))"
            " as real[])",
            {
                "user_id": integer("user_id", user_id),
                "model_id": None if model_id is None else integer("model_id", model_id),
            },
            vector,
        )

    def search_titles(
        self, query: str, k: int = 10, *, include_adult: bool = False
    ) -> Question[Answers[TitleMatch]]:
        """Return the k films whose titles are most like the query.

        Raises
        ------
        InvalidRequest
            The query is empty, or k is below 1.
        """
        return call(TitleMatch, "search_titles", query=query, k=k, include_adult=include_adult)

    def search_plots(
        self,
        query: str,
        k: int = 10,
        *,
        keyword_weight: float | None = None,
        title_weight: float | None = None,
        genre_weight: float | None = None,
        embedding: Sequence[float] | Vectors | None = None,
        encoder: str = "terms",
        distance: str = "cosine",
        **filters: Unpack[Filters],
    ) -> Question[Answers[PlotMatch]]:
        """Return the k films whose plots are most like the query, in any words.

        Parameters
        ----------
        keyword_weight, title_weight, genre_weight
            How much keywords and tags (0.2), titles (0) and names of genres (0) count, compared
            with the plot (1).
        embedding
            The query's vector by the encoder, where that is not ``terms``.

        Raises
        ------
        InvalidRequest
            The query is empty or has no word of any film's text, a genre, the encoder or the
            distance is unknown, the vector does not fit the encoder, or k is below 1.
        """
        return call(
            PlotMatch,
            "search_plots",
            filters,
            query=query,
            k=k,
            keyword_weight=keyword_weight,
            title_weight=title_weight,
            genre_weight=genre_weight,
            embedding=embedding,
            encoder=encoder,
            distance=distance,
        )

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
        return call(PredictedGenre, "predict_genres", plot=plot, threshold=threshold)

    def predict_movie_genres(
        self, movie_id: int, threshold: float | None = None, encoder: str = "terms"
    ) -> Question[Answers[PredictedGenre]]:
        """Return the genres of a film by its text's vector, listed or not; none without a text.

        Raises
        ------
        InvalidRequest
            The film or the encoder is unknown, or the threshold is not in 0 to 1.
        """
        return call(
            PredictedGenre,
            "predict_movie_genres",
            movie_id=movie_id,
            threshold=threshold,
            encoder=encoder,
        )
