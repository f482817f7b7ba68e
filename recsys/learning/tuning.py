"""What to train with: chosen on positives that are held out from the ones to learn from.

How much regularization suits depends on the data: with too much the directions of taste die out
one after the other until popularity alone is left, with too little the vectors learn noise, and
the best lies close to where it is too much. No constant holds for all data sets; five to
eight short trainings find it.
"""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from recsys.arrays import Ids, Index, Values
from recsys.learning.als import Factorization, Factors, fold_in
from recsys.learning.likes import Likes, hold_out
from recsys.learning.metrics import NO_MOVIE, judge, named
from recsys.parameters import Parameters

METRIC = "ndcg@10"
SHARE = 0.2  # of each user's positives, held out
MOST_POSITIVES = 1_000_000  # of more, a random part of the users serves
MOST_JUDGED = 5000  # users: to rank all films for each takes longer than to learn
SCORES_A_CHUNK = 1 << 24

# Sum of the weights of all pairs over that of the liked ones. Rendle et al. 2022 found 11 (ML-1M)
# to 28 (ML-20M) best.
ALPHA_RATIO = 20.0
REGULARIZATION, STEP, MOST_STEPS = 0.015, 1.25, 16
EPOCHS = 8  # of a training that is only compared with others


@dataclass(frozen=True)
class Trial:
    """A training with some parameters on a part of the positives.

    Attributes
    ----------
    quality
        Mean of the metric over the users, on what was held out; None where it was cut short.
    """

    parameters: dict[str, Any]
    quality: float | None
    seconds: float


class Validation:
    """Positives to learn from, and held-out ones to judge by.

    Parameters
    ----------
    positives
        The training's. Nothing else is looked at.
    metric
        Such as ``ndcg@10``.
    """

    def __init__(self, positives: Likes, seed: int = 0, metric: str = METRIC) -> None:
        self.metric, self.k = named(metric)
        users, movies = _some_users(positives, seed)
        self.user_ids, users = np.unique(positives.user_ids[users], return_inverse=True)
        self.movie_ids, movies = np.unique(positives.movie_ids[movies], return_inverse=True)
        self.shape = len(self.user_ids), len(self.movie_ids)
        held_out = hold_out(users, SHARE, seed)
        self.users, self.movies = users[~held_out], movies[~held_out]
        self.judged = np.sort(np.random.default_rng(seed).permutation(self.shape[0])[:MOST_JUDGED])
        held_out &= np.isin(users, self.judged)
        self.held_out = np.searchsorted(self.judged, users[held_out]), movies[held_out]

    def learner(self, parameters: Parameters, device: str) -> Factorization:
        """Return a factorization of the part to learn from."""
        users, movies = torch.from_numpy(self.users), torch.from_numpy(self.movies)
        return Factorization(users, movies, self.shape, parameters, device)

    def quality(self, learned: Factors) -> Values:
        """Return the metric of each user who is judged, NaN for those without held-out films."""
        lists = np.concatenate(list(self._lists(learned)))
        return self.metric(*judge(lists, *self.held_out), self.k)

    def quality_as_of(self, known: Likes, parameters: Parameters, device: str) -> Values:
        """Return what `quality` would be of a model that learned from less.

        Its films know only those pairs of the part that are in `known`, its users are folded in
        from all of the part, as the database does for users who rated since the training.
        """
        places = [
            np.searchsorted(ours, theirs).clip(max=len(ours) - 1)
            for ours, theirs in (
                (self.user_ids, known.user_ids), (self.movie_ids, known.movie_ids)
            )
        ]  # fmt: skip
        users, movies = places[0][known.user_index], places[1][known.movie_index]
        there = (self.user_ids[users] == known.user_ids[known.user_index]) & (
            self.movie_ids[movies] == known.movie_ids[known.movie_index]
        )
        pairs = self.users * self.shape[1] + self.movies
        then = np.isin(pairs, (users * self.shape[1] + movies)[there])
        older = copy.copy(self)
        older.users, older.movies = self.users[then], self.movies[then]
        learned = trained(older.learner(parameters, device), parameters.epochs)
        everything = torch.from_numpy(self.users), torch.from_numpy(self.movies)
        return self.quality(fold_in(learned, *everything, self.shape, parameters))

    def _lists(self, learned: Factors) -> Iterator[Index]:
        """Yield the best films of some users at a time, without those that they learned from."""
        n_movies = self.shape[1]
        size = max(1, SCORES_A_CHUNK // n_movies)
        for start in range(0, len(self.judged), size):
            some = self.judged[start : start + size]
            scores = learned.users[some] @ learned.items.T  # (size, n_movies)
            theirs = np.isin(self.users, some)
            known = np.searchsorted(some, self.users[theirs]), self.movies[theirs]
            scores[known] = -torch.inf
            best = scores.topk(min(self.k, n_movies))
            yield best.indices.masked_fill(best.values == -torch.inf, NO_MOVIE).numpy()


def resolved(
    positives: Likes,
    parameters: Parameters,
    device: str = "cpu",
    on_trial: Callable[[Trial], None] = lambda trial: None,
    deadline: float = math.inf,
) -> Parameters:
    """Return the parameters with alpha and regularization chosen, where they are None.

    The same positives and parameters give the same answer, if there is no deadline.

    Parameters
    ----------
    on_trial
        Called after each training that was tried.
    deadline
        Of ``time.monotonic()``: later, only what was tried by then is compared.
    """
    parameters = with_alpha(positives, parameters)
    if parameters.regularization is not None:
        return parameters
    validation = Validation(positives, parameters.seed)

    def quality(place: int) -> float:
        if time.monotonic() > deadline:
            return -1.0  # below any other
        tried = replace(
            parameters,
            regularization=REGULARIZATION * STEP**place,
            epochs=min(EPOCHS, parameters.epochs),
        )
        trial = try_out(validation, tried, device)
        on_trial(trial)
        return trial.quality or 0.0

    # Quality falls steeply towards more, and all positives need less than a part of them.
    return replace(parameters, regularization=REGULARIZATION * STEP ** (climb(quality) - 0.5))


def with_alpha(positives: Likes, parameters: Parameters) -> Parameters:
    """Return the parameters with an alpha that suits how many of the pairs are liked."""
    if parameters.alpha is not None:
        return parameters
    pairs = len(positives.user_ids) * len(positives.movie_ids)
    return replace(parameters, alpha=ALPHA_RATIO * len(positives.user_index) / max(pairs, 1))


def climb(quality: Callable[[int], float]) -> int:
    """Return where a function of the integers with a single peak is highest, in few evaluations.

    Examples
    --------
    >>> climb(lambda place: -((place - 5) ** 2))
    5
    """
    at = functools.cache(quality)
    place, step = 0, 2
    if at(step) <= at(0):
        step = -step
    while abs(place + step) <= MOST_STEPS and at(place + step) > at(place):
        place += step
    return max((place, place - 1, place + 1), key=at)


def try_out(validation: Validation, parameters: Parameters, device: str) -> Trial:
    """Train with the parameters on the validation's part, and judge."""
    started = time.monotonic()
    learned = trained(validation.learner(parameters, device), parameters.epochs)
    quality = mean(validation.quality(learned))
    return Trial(asdict(parameters), quality, time.monotonic() - started)


def mean(qualities: Values) -> float:
    """Return the mean over the users with held-out films; 0 where no user has any."""
    there = qualities[~np.isnan(qualities)]
    return float(there.mean()) if len(there) else 0.0


def trained(learner: Factorization, epochs: int) -> Factors:
    """Return what is learned after so many epochs."""
    for _ in range(epochs):
        learner.epoch()
    return learner.finished()


def _some_users(positives: Likes, seed: int) -> tuple[Ids, Ids]:
    """Return the pairs of all users, or of so many random ones that they are not too many."""
    counts = np.bincount(positives.user_index)
    if counts.sum() <= MOST_POSITIVES:
        return positives.user_index, positives.movie_index
    order = np.random.default_rng(seed).permutation(len(counts))
    chosen = np.zeros(len(counts), dtype=bool)
    chosen[order[np.cumsum(counts[order]) <= MOST_POSITIVES]] = True
    kept = chosen[positives.user_index]
    return positives.user_index[kept], positives.movie_index[kept]
