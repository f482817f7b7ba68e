"""The baselines of an evaluation: fitted on what trains, asked for what `recommend` is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from recsys.evaluation.baselines import (
    EASE_MOST_MOVIES,
    Biases,
    Ease,
    ItemKNN,
    Likes,
    Popularity,
    Scorer,
    choose_lambda,
    likes_matrix,
    rank,
)
from recsys.evaluation.outcomes import Predicted
from recsys.evaluation.protocol import Division, RatingData
from recsys.evaluation.record import Evaluation
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN, by_random

Index = NDArray[np.int64]

INNER_SHARE = 0.2  # of the training part, to choose the regularization of EASE by


class Rivals:
    """The other methods; EASE's regularization is chosen on the first split and kept."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.regularization: float | None = None

    def lists(
        self, data: RatingData, division: Division, k: int, on_fit: Callable[[int, int], None]
    ) -> dict[str, Index]:
        """Fit on the training part and rank, for the users asked, what `OURS` ranked for them."""
        training = data.liked & (division.parts == TRAIN)
        told = (division.parts == TRAIN) | (division.parts == LATER)
        shape = (len(division.users), len(data.movie_ids))
        known = likes_matrix(*division.rows_of(data, data.liked & told), shape)
        barred = likes_matrix(*division.rows_of(data, told), shape)
        users, movies = data.users[training], data.movies[training]
        likes = likes_matrix(users, movies, (len(data.user_ids), len(data.movie_ids)))
        on_fit(0, 1)  # to choose a regularization takes longer than to fit
        methods = self._methods(likes, users, movies)
        found = {}
        for place, (name, fit) in enumerate(methods.items()):
            on_fit(place, len(methods))
            found[name] = rank(fit(likes), known, barred, k)
        on_fit(len(methods), len(methods))
        return found

    def stars(
        self, data: RatingData, division: Division, predicted: Predicted
    ) -> NDArray[np.float64]:
        """Fit on what was told, and predict what `OURS` predicted."""
        told = (division.parts == TRAIN) | (division.parts == LATER)
        biases = Biases.fit(
            data.users[told],
            data.movies[told],
            data.stars[told],
            (len(data.user_ids), len(data.movie_ids)),
        )
        return biases(division.users[predicted.rows], predicted.movies)

    def _methods(
        self, likes: Likes, users: Index, movies: Index
    ) -> dict[str, Callable[[Likes], Scorer]]:
        methods: dict[str, Callable[[Likes], Scorer]] = {
            "popularity": Popularity.fit,
            "item-knn": ItemKNN.fit,
        }
        liked = len(np.unique(movies))
        if liked <= EASE_MOST_MOVIES:
            if self.regularization is None:
                self.regularization = self._choose(likes.shape, users, movies)
            methods["ease"] = partial(Ease.fit, regularization=self.regularization)
        elif not any("EASE" in note for note in self.evaluation.notes):
            self.evaluation.notes.append(
                f"EASE is left out: it inverts a matrix of {liked:,} films with likes, and above "
                f"{EASE_MOST_MOVIES:,} that takes too much memory."
            )
        return methods

    def _choose(self, shape: tuple[int, int], users: Index, movies: Index) -> float:
        inner = by_random(users, INNER_SHARE, seed=0) == HELD_OUT
        chosen, tried = choose_lambda(
            likes_matrix(users[~inner], movies[~inner], shape),
            likes_matrix(users[inner], movies[inner], shape),
        )
        self.evaluation.parameters["ease_lambda"] = chosen
        listed = ", ".join(f"{one:g}: {value:.4f}" for one, value in tried.items())
        self.evaluation.notes.append(
            f"EASE's lambda is {chosen:g}, by NDCG@10 on an inner split of the training part of "
            f"the first seed ({listed})."
        )
        return chosen
