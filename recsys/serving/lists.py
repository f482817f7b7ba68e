"""The functions that list films for users, or films like films."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Unpack

from recsys.serving.answers import Answers, Recommendation, SimilarMovie
from recsys.serving.statements import Filters, Question, call, call_for_each


class Lists:
    """Lists of films for users, for groups and for likes."""

    def recommend(
        self,
        user_id: int,
        k: int = 10,
        *,
        include_rated: bool = False,
        diversity: float = 0,
        rerank: bool = True,
        model_id: int | None = None,
        not_shown_since: timedelta | None = None,
        fresh: float = 0,
        watchlist_first: bool = False,
        experiment: str | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for a user: personal ones first, then popular ones.

        Parameters
        ----------
        user_id
            The user, as in the ratings; one without any gets popular films.
        k
            Length of the list.
        include_rated
            Also films that the user has rated or watched; none that they hid.
        diversity
            0 is the order of the scores; up to 1, the films are less alike.
        rerank
            Put them in the model's learned order, where it has one.
        model_id
            A model other than the active one.
        not_shown_since
            No films that were shown to the user in this time before now (`recsys.impressions`).
        fresh
            How far films that were shown to the user lately step back: 0 not at all, up to 1.
        watchlist_first
            The films of the user's watchlist come first.
        experiment
            Name of an experiment: the model, the order and the diversity are those of the user's
            variant, where it has its own, and `variant` says which that is.
        **filters
            Which films may be answered, here and in all lists of films; see `Filters`.

        Raises
        ------
        InvalidRequest
            A genre, a model or the experiment is unknown, k is below 1, `diversity` or `fresh` is
            not in 0 to 1, or `not_shown_since` is not longer than 0.
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
            not_shown_since=not_shown_since,
            fresh=fresh,
            watchlist_first=watchlist_first,
            experiment=experiment,
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
        not_shown_since: timedelta | None = None,
        fresh: float = 0,
        watchlist_first: bool = False,
        experiment: str | None = None,
        **filters: Unpack[Filters],
    ) -> Question[dict[int, Answers[Recommendation]]]:
        """Return what `recommend` would for each of several users, in one statement.

        Parameters
        ----------
        user_ids
            The users, and the keys of the answer, in this order.
        k, include_rated, diversity, rerank, model_id, not_shown_since, fresh, watchlist_first
            As in `recommend`; k is the length of each user's list.
        experiment, **filters
            As in `recommend`.

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
            not_shown_since=not_shown_since,
            fresh=fresh,
            watchlist_first=watchlist_first,
            experiment=experiment,
        )

    def interleave(
        self,
        user_id: int,
        experiment: str,
        k: int = 10,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the lists of an experiment's two variants as one, by team draft.

        Parameters
        ----------
        user_id
            The user.
        experiment
            Name of the experiment; while it does not run, the list is that of `recommend`.
        k
            Length of the list.
        **filters
            Which films may be answered; see `Filters`.

        Raises
        ------
        InvalidRequest
            The experiment is unknown or has not two variants, a genre is unknown, or k is below 1.
        """
        return call(
            Recommendation, "interleave", filters, user_id=user_id, experiment=experiment, k=k
        )

    def watchlist(
        self,
        user_id: int,
        k: int = 10,
        *,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films of a user's watchlist, in the order of `recommend`.

        Parameters
        ----------
        user_id
            The user.
        k
            Length of the list; it is shorter where the watchlist is.
        model_id
            A model other than the active one.
        **filters
            Which films may be answered; see `Filters`.

        Raises
        ------
        InvalidRequest
            A genre or the model is unknown, or k is below 1.
        """
        return call(Recommendation, "watchlist", filters, user_id=user_id, k=k, model_id=model_id)

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

    def recommend_group(
        self,
        user_ids: Sequence[int],
        k: int = 10,
        strategy: str = "mean",
        *,
        model_id: int | None = None,
        **filters: Unpack[Filters],
    ) -> Question[Answers[Recommendation]]:
        """Return the k best films for several users that none of them has rated, watched or hidden.

        Parameters
        ----------
        user_ids
            The members of the group.
        k
            Length of the list.
        strategy
            ``mean`` of their scores, or ``least_misery``: the lowest of them.
        model_id
            A model other than the active one.
        **filters
            Which films may be answered; see `Filters`.

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
        movie_id
            The film that others resemble.
        k
            Length of the list.
        model_id
            A model other than the active one.
        by
            ``ratings``, ``plot`` or ``both``.
        encoder, distance
            Which text vectors compare plots, and how: ``cosine``, ``dot`` or ``euclidean``.
        **filters
            Which films may be answered; see `Filters`.

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

        Parameters
        ----------
        liked
            Films to be near to.
        disliked
            Films to be far from.
        k
            Length of the list.
        model_id
            A model other than the active one.
        **filters
            Which films may be answered; see `Filters`.

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
        k
            Length of the list.
        half_life
            Age at which a like counts half; then all likes are counted in this call. By default it
            is the active model's, and the counts are those of the last load, training or refresh.
        **filters
            Which films may be answered; see `Filters`.

        Raises
        ------
        InvalidRequest
            A genre is unknown, k is below 1, or the half-life is not longer than 0.
        """
        return call(SimilarMovie, "popular", filters, k=k, half_life=half_life)
