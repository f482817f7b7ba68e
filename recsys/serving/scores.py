"""The functions about users, and what they would think of films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recsys.serving.answers import Answers, Explanation, RankedUser, ScoredMovie
from recsys.serving.arguments import integer
from recsys.serving.statements import Question, call, vector

if TYPE_CHECKING:
    from recsys.arrays import Vectors


class Scores:
    """What users would think of films, and why; users for films."""

    def score_movies(
        self, user_id: int, movie_ids: Sequence[int], model_id: int | None = None
    ) -> Question[Answers[ScoredMovie]]:
        """Return the score of each given film for a user, rated or not, the best first.

        Parameters
        ----------
        user_id
            The user, as in the ratings; to one without any, popularity is the score.
        movie_ids
            The films, rated or not.
        model_id
            A model other than the active one.

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

        Parameters
        ----------
        user_id
            The user, as in the ratings.
        movie_id
            The film whose score is explained.
        k
            Number of reasons; over all of them, the contributions add up to the score.
        model_id
            A model other than the active one.

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

        Parameters
        ----------
        movie_id
            The film.
        k
            Number of users.
        model_id
            A model other than the active one.

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

        Parameters
        ----------
        user_id
            The user whose taste is looked for.
        k
            Number of users.
        model_id
            A model other than the active one.

        Raises
        ------
        InvalidRequest
            The model is unknown, or k is below 1.
        """
        return call(RankedUser, "similar_users", user_id=user_id, k=k, model_id=model_id)

    def user_vector(self, user_id: int, model_id: int | None = None) -> Question[Vectors | None]:
        """Return the user's vector as of now, ``(factors + 1,)``; None where there is none.

        Parameters
        ----------
        user_id
            The user, as in the ratings.
        model_id
            A model other than the active one.

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
