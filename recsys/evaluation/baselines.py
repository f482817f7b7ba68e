"""The baselines of an evaluation: fitted on what trains, asked for what `recommend` is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from recsys.arrays import Index, Values
from recsys.evaluation.outcomes import BIASES, Predicted
from recsys.evaluation.protocol import Division, Protocol
from recsys.evaluation.splits import HELD_OUT, by_random
from recsys.learning.baselines import (
    EASE_MOST_MOVIES,
    Biases,
    Ease,
    ItemKNN,
    LikesMatrix,
    Popularity,
    Scorer,
    choose_lambda,
    likes_matrix,
    rank,
)
from recsys.progress import Progress, silent

INNER_SHARE = 0.2  # of the training part, to choose the regularization of EASE by


class Baselines(NamedTuple):
    """What the baselines answered.

    Attributes
    ----------
    lists, stars
        A dict a split: lists of film indexes, and predicted stars, by method.
    parameters, notes
        What was chosen for them, and what a reader must know of that.
    """

    lists: list[dict[str, Index]]
    stars: list[dict[str, Values]]
    parameters: dict[str, Any]
    notes: list[str]


def ask_baselines(
    divisions: list[Division],
    predicted: list[Predicted | None],
    protocol: Protocol,
    progress: Progress = silent,
) -> Baselines:
    """Fit the baselines on each split, and return what they answer; nothing without baselines.

    EASE's regularization is chosen on the first split and kept.

    Parameters
    ----------
    predicted
        Of each split, the ratings whose stars `recommend` predicted.
    """
    if not protocol.baselines:
        nothing: list[dict[str, Any]] = [{} for _ in divisions]
        return Baselines(nothing, nothing, {}, [])
    progress("baselines", 0)  # to choose a regularization takes longer than to fit
    methods, parameters, notes = _choose_methods(divisions[0])
    lists: list[dict[str, Index]] = []
    for split, division in enumerate(divisions):
        likes, known, barred = _matrices(division)
        lists.append({})
        for place, (name, fit) in enumerate(methods.items(), split * len(methods)):
            progress("baselines", place, len(divisions) * len(methods))
            lists[split][name] = rank(fit(likes), known, barred, protocol.longest)
    progress("baselines", len(divisions) * len(methods), len(divisions) * len(methods))
    stars: list[dict[str, Values]] = [
        {} if one is None else {BIASES: _predict_stars(division, one)}
        for division, one in zip(divisions, predicted, strict=True)
    ]
    return Baselines(lists, stars, parameters, notes)


def _matrices(division: Division) -> tuple[LikesMatrix, LikesMatrix, LikesMatrix]:
    """Return the training part, and what is known and barred of the asked users."""
    data, training = division.data, division.data.ratings.part(division.training)
    shape = len(division.users), len(training.movie_ids)
    return (
        likes_matrix(training.user_index, training.movie_index, training.shape),
        likes_matrix(*division.rows_of(data.liked & division.told), shape),
        likes_matrix(*division.rows_of(division.told), shape),
    )


def _predict_stars(division: Division, predicted: Predicted) -> Values:
    """Fit on what was told, and predict the same stars."""
    told = division.data.ratings.part(division.told)
    biases = Biases.fit(told.user_index, told.movie_index, told.stars, told.shape)
    return biases(division.users[predicted.rows], predicted.movies)


def _choose_methods(
    division: Division,
) -> tuple[dict[str, Callable[[LikesMatrix], Scorer]], dict[str, Any], list[str]]:
    """Return how each method is fitted, the parameters that were chosen, and notes."""
    methods: dict[str, Callable[[LikesMatrix], Scorer]] = {
        "popularity": Popularity.fit,
        "item-knn": ItemKNN.fit,
    }
    training = division.data.ratings.part(division.training)
    users, movies = training.user_index, training.movie_index
    liked = len(np.unique(movies))
    if liked > EASE_MOST_MOVIES:
        note = (
            f"EASE is left out: it inverts a matrix of {liked:,} films with likes, and above "
            f"{EASE_MOST_MOVIES:,} that takes too much memory."
        )
        return methods, {}, [note]
    inner = by_random(users, INNER_SHARE, seed=0) == HELD_OUT
    chosen, tried = choose_lambda(
        likes_matrix(users[~inner], movies[~inner], training.shape),
        likes_matrix(users[inner], movies[inner], training.shape),
    )
    methods["ease"] = partial(Ease.fit, regularization=chosen)
    listed = ", ".join(f"{one:g}: {value:.4f}" for one, value in tried.items())
    note = (
        f"EASE's lambda is {chosen:g}, by NDCG@10 on an inner split of the training part of "
        f"the first seed ({listed})."
    )
    return methods, {"ease_lambda": chosen}, [note]
