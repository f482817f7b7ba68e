"""The baselines of an evaluation: fitted on what trains, asked for what `recommend` is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from recsys.arrays import Index, Values
from recsys.evaluation.outcomes import BIASES, Predicted
from recsys.evaluation.protocol import Division, Protocol
from recsys.evaluation.splits import HELD_OUT, by_random
from recsys.learning.baselines import (
    Biases,
    LikesMatrix,
    Popularity,
    Scorer,
    choose,
    likes_matrix,
    rank,
)
from recsys.learning.linear import (
    EASE_LAMBDAS,
    EASE_MOST_MOVIES,
    SLIM_MOST_PRODUCTS,
    SLIM_RIDGES,
    Ease,
    Slim,
    slim_movies,
)
from recsys.learning.neighbours import USER_NEIGHBOURS, ItemKNN, UserKNN
from recsys.learning.popularity import choose_half_life, decayed_counts
from recsys.learning.ratings import Ratings
from recsys.progress import Progress, silent

INNER_SHARE = 0.2  # of the training part, to choose parameters by
DAY = 86_400


class Tuned(NamedTuple):
    """A baseline with a parameter that is chosen, and the values that it may have."""

    fit: Callable[[LikesMatrix, int], Scorer]
    parameter: str
    candidates: tuple[int, ...]
    has_one_peak: bool = True


TUNED = {
    # Sparse likes have a small peak at few neighbours, and a high one near popularity.
    "user-knn": Tuned(UserKNN.fit, "neighbours", USER_NEIGHBOURS, has_one_peak=False),
    "ease": Tuned(Ease.fit, "lambda", EASE_LAMBDAS),
    "slim": Tuned(Slim.fit, "ridge", SLIM_RIDGES),
}
PARAMETERS = {"decayed": "half_life_days"} | {name: one.parameter for name, one in TUNED.items()}


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

    Their parameters are chosen on the first split and kept.

    Parameters
    ----------
    predicted
        Of each split, the ratings whose stars `recommend` predicted.
    """
    if not protocol.baselines:
        nothing: list[dict[str, Any]] = [{} for _ in divisions]
        return Baselines(nothing, nothing, {}, [])
    progress("baselines", 0)  # to choose parameters takes longer than to fit
    chosen, notes = _choose(divisions[0].data.ratings.part(divisions[0].training))
    lists: list[dict[str, Index]] = []
    for split, division in enumerate(divisions):
        training = division.data.ratings.part(division.training)
        likes, known, barred = _matrices(division, training)
        methods = _methods(chosen, likes, training)
        lists.append({})
        for place, (name, fit) in enumerate(methods.items(), split * len(methods)):
            progress("baselines", place, len(divisions) * len(methods))
            lists[split][name] = rank(fit(), known, barred, protocol.longest)
    progress("baselines", len(divisions) * len(methods), len(divisions) * len(methods))
    stars: list[dict[str, Values]] = [
        {} if one is None else {BIASES: _predict_stars(division, one)}
        for division, one in zip(divisions, predicted, strict=True)
    ]
    parameters = {
        f"{name}_{PARAMETERS[name]}".replace("-", "_"): value for name, value in chosen.items()
    }
    return Baselines(lists, stars, parameters, notes)


def _matrices(
    division: Division, training: Ratings
) -> tuple[LikesMatrix, LikesMatrix, LikesMatrix]:
    """Return the training part, and what is known and barred of the asked users."""
    data = division.data
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


def _choose(training: Ratings) -> tuple[dict[str, float], list[str]]:
    """Return the parameter of each method that has one and is not left out, and notes."""
    half_life = choose_half_life(
        training.movie_index, training.user_index, training.seconds, training.shape[1]
    )
    chosen, notes = _choose_tuned(training)
    if half_life is None:
        note = "decayed is left out: likes that count less with age rank no better in this part."
        return chosen, [note, *notes]
    days = half_life / DAY
    shown = f"{days:,.0f} days" if days >= 2 else f"{24 * days:,.0f} hours"
    note = (
        f"For decayed, a like counts half as much after {shown}, chosen by cuts in time inside the "
        "training part of the first seed."
    )
    return {"decayed": days} | chosen, [note, *notes]


def _methods(
    chosen: dict[str, float], likes: LikesMatrix, training: Ratings
) -> dict[str, Callable[[], Scorer]]:
    """Return how each method is fitted to one training part."""
    methods: dict[str, Callable[[], Scorer]] = {"popularity": partial(Popularity.fit, likes)}
    if days := chosen.get("decayed"):
        counts = decayed_counts(
            training.movie_index, training.seconds, days * DAY, training.shape[1]
        )
        methods["decayed"] = partial(Popularity.fit, likes, counts)
    methods["item-knn"] = partial(ItemKNN.fit, likes)
    for name, tuned in TUNED.items():
        if name in chosen:
            methods[name] = partial(tuned.fit, likes, int(chosen[name]))
    return methods


def _choose_tuned(training: Ratings) -> tuple[dict[str, float], list[str]]:
    """Return the parameter of each baseline of `TUNED` that is affordable, and notes."""
    users, movies = training.user_index, training.movie_index
    inner = by_random(users, INNER_SHARE, seed=0) == HELD_OUT
    likes = likes_matrix(users[~inner], movies[~inner], training.shape)
    held_out = likes_matrix(users[inner], movies[inner], training.shape)
    too_large = _too_large(likes_matrix(users, movies, training.shape))
    chosen: dict[str, float] = {}
    said = []
    for name, (fit, parameter, candidates, has_one_peak) in TUNED.items():
        if name not in too_large:
            chosen[name], tried = choose(fit, candidates, likes, held_out, has_one_peak)
            values = ", ".join(f"{one}: {value:.4f}" for one, value in tried.items())
            said.append(f"{parameter} of {name} {chosen[name]} ({values})")
    note = (
        "Chosen by NDCG@10 on an inner split of the training part of the first seed: "
        f"{'; '.join(said)}."
    )
    return chosen, [note, *too_large.values()]


def _too_large(likes: LikesMatrix) -> dict[str, str]:
    """Say of the baselines that would take too long why they are left out."""
    films, kept = int((likes.sum(axis=0) > 0).sum()), slim_movies(likes)
    products = likes[:, kept].nnz * len(kept)
    reasons = {
        "ease": (films > EASE_MOST_MOVIES, f"it inverts a matrix of {films:,} films with likes"),
        "slim": (
            products > SLIM_MOST_PRODUCTS,
            f"it goes through {products:.1e} products of likes and films again and again",
        ),
    }
    return {
        name: f"{name} is left out: {reason}, which takes too much time and memory."
        for name, (is_so, reason) in reasons.items()
        if is_so
    }
