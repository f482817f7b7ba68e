"""Learns the ranker: how many stars a user gives a film.

The network learns from ratings that the factorization before it has not seen: the ratings are cut
into parts, the factorization learns without one part at a time, and predicts that one. The first
part is for validation alone: it says when the network has learned enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys.learning import stars as factorization
from recsys.learning.network import Examples, Network, fit_network, rmse
from recsys.learning.posteriors import RatingFactors
from recsys.learning.raters import Layout, Raters, Typical, extended, film_inputs, raters
from recsys.learning.ratings import Films, Ratings
from recsys.learning.stars import predict
from recsys.progress import Progress, silent

PARTS, USED_PARTS = 5, 3  # one is for validation; more of them learn hardly better
MANY_RATINGS = 200_000  # enough for the network: of more, two parts serve as well
MOST_RATINGS = 300_000  # of more, a random part of the users teaches the network: for the time
FEW_RATINGS = 100  # too few to learn from and to judge by


class Fitted(NamedTuple):
    """The factorization of some ratings, with its users, and ratings it has not seen."""

    learned: RatingFactors
    raters: Raters
    unseen: Ratings

    def examples(self, network: Network) -> Examples:
        """Return the unseen ratings as the network sees them."""
        unseen = self.unseen
        users, films = torch.from_numpy(unseen.user_index), torch.from_numpy(unseen.movie_index)
        pairs = self.raters.part(users)
        predicted = predict(self.learned, pairs.vectors, films)
        inputs = network.inputs(pairs, extended(self.learned)[films])
        return Examples(inputs, predicted, torch.from_numpy(unseen.stars).double())


@dataclass(frozen=True)
class LearnedRanker:
    """All that the database needs to predict stars.

    Attributes
    ----------
    users
        ``(n_users, one + 1)``, vectors of all users; see `Layout`.
    metrics
        Of ratings that were held out for the network.
    """

    factors: RatingFactors
    typical: Typical
    network: Network
    users: Tensor
    metrics: dict[str, float]


def learn_ranker(
    ratings: Ratings,
    films: Films,
    seed: int,
    progress: Progress = silent,
) -> LearnedRanker:
    """Learn from all ratings.

    Parameters
    ----------
    progress
        Called with the steps ``ratings`` and ``network``.
    """
    few = ratings.some_users(MOST_RATINGS, seed)
    n = len(few.stars)
    part_of = np.random.default_rng(seed).permutation(n) % PARTS
    parts = range(USED_PARTS if n <= MANY_RATINGS else 2) if n >= FEW_RATINGS else range(0)
    cuts = [(few.part(part_of != part), few.part(part_of == part)) for part in parts]
    nothing = ratings.part(np.zeros(0, dtype=np.int64))
    typical = Typical.of(ratings, films)
    whole, *fitted = _fit_each(films, typical, [(ratings, nothing), *cuts], seed, progress)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(Layout(whole.learned.spread.shape[1], len(films.genre_names)))
    metrics = _fit_network(network, *fitted, seed=seed, progress=progress) if fitted else {}
    return LearnedRanker(whole.learned, typical, network, whole.raters.vectors, metrics)


def renew_ranker(
    kept: LearnedRanker,
    ratings: Ratings,
    films: Films,
    seed: int,
    progress: Progress = silent,
) -> LearnedRanker:
    """Learn films and users from ratings; begin at what was learned of the same films before.

    The network, which corrects that, stays.
    """
    known, facts = film_inputs(ratings, films, kept.typical)
    factors = factorization.fit(
        ratings, known, facts, seed=seed, progress=progress, begin_at=kept.factors
    )
    users = raters(factors, kept.typical, ratings).vectors
    return replace(kept, factors=factors, users=users)


def _fit_each(
    films: Films,
    typical: Typical,
    cuts: list[tuple[Ratings, Ratings]],
    seed: int,
    progress: Progress,
) -> list[Fitted]:
    """Factorize the first of each two; facts of films and users are of these alone."""
    epochs = factorization.EPOCHS
    fitted = []
    for place, (seen, unseen) in enumerate(cuts):
        known, facts = film_inputs(seen, films, typical)
        learned = factorization.fit(
            *(seen, known, facts),
            epochs=epochs,
            seed=seed,
            progress=lambda what, done, of=None, note="", before=place: progress(
                what, before * epochs + done, len(cuts) * epochs, note
            ),
        )
        users = raters(learned, typical, seen)
        fitted.append(Fitted(learned, users, unseen))
    progress("ratings", len(cuts) * epochs, len(cuts) * epochs)
    return fitted


def _fit_network(
    network: Network, judged: Fitted, *others: Fitted, seed: int, progress: Progress
) -> dict[str, float]:
    """Train the network on what the other parts have not seen, and judge it by the first."""
    training = zip(*(other.examples(network) for other in others), strict=True)
    validation = judged.examples(network)
    without = rmse(network, validation)
    with_it = fit_network(
        network, Examples(*(torch.cat(columns) for columns in training)), validation, seed, progress
    )
    return {"rmse_without_network": without, "rmse": with_it}
