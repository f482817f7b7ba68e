"""Learns the ranker: how many stars a user gives a film, and how much these count in the order.

The network learns from ratings that the factorization before it has not seen: the ratings are cut
into parts, the factorization learns without one part at a time, and predicts that one. The first
part is for validation alone: it says when the network has learned enough. Which weight of the stars
makes the best lists is seen on all parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys.arrays import Index, Mask, Values
from recsys.learning import stars as factorization
from recsys.learning.als import fit as fit_retrieval
from recsys.learning.metrics import graded_ndcg
from recsys.learning.network import Examples, Network, fit_network, rmse, stars
from recsys.learning.posteriors import RatingFactors
from recsys.learning.raters import Layout, Raters, Typical, extended, film_inputs, raters
from recsys.learning.ratings import Films, Ratings
from recsys.learning.stars import predict
from recsys.parameters import Parameters
from recsys.progress import Progress, silent

PARTS, USED_PARTS = 5, 3  # one is for validation; more of them learn hardly better
MANY_RATINGS = 200_000  # enough for the network: of more, two parts serve as well
MOST_EXAMPLES = 400_000  # of a part: more take gigabytes, and teach the network nothing
FEW_RATINGS = 100  # too few to learn from and to judge by
CANDIDATES = 50  # twice as many made no list better, and cost 2 to 5 ms of 62,000 films
WEIGHTS = 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0
K = 10
RETRIEVAL_EPOCHS = 8
MOST_USERS, USERS_A_CHUNK = 5000, 500


class Fitted(NamedTuple):
    """The factorization of some ratings, with its users, and those it has not seen."""

    learned: RatingFactors
    raters: Raters
    seen: Ratings
    unseen: Ratings

    def examples(self, network: Network, seed: int) -> Examples:
        """Return the unseen ratings, or as many random ones as are enough, as the network sees
        them."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self.unseen.stars), generator=generator)
        unseen = self.unseen.part(order[:MOST_EXAMPLES].numpy())
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
    candidates, weight
        How many films are put in order, and what a star counts in it.
    metrics
        Of ratings that were held out for the network and the weight.
    """

    factors: RatingFactors
    typical: Typical
    network: Network
    users: Tensor
    candidates: int
    weight: float
    metrics: dict[str, float]


def learn_ranker(
    ratings: Ratings,
    films: Films,
    parameters: Parameters,
    threshold: float,
    device: str = "cpu",
    progress: Progress = silent,
) -> LearnedRanker:
    """Learn from all ratings.

    Parameters
    ----------
    parameters
        Of the retrieval, whose lists the weight is chosen on: alpha and regularization are given.
    threshold
        Stars from which a user likes a film.
    progress
        Called with the steps ``ratings``, ``network`` and ``order``.
    """
    n, seed = len(ratings.stars), parameters.seed
    part_of = np.random.default_rng(seed).permutation(n) % PARTS
    parts = range(USED_PARTS if n <= MANY_RATINGS else 2) if n >= FEW_RATINGS else range(0)
    unseen = [np.zeros(n, dtype=bool), *(part_of == part for part in parts)]
    typical = Typical.of(ratings, films)
    whole, *fitted = _fit_each(ratings, films, typical, unseen, seed, progress)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(Layout(whole.learned.spread.shape[1], len(films.genre_names)))
    weight, metrics = 0.0, {}
    if fitted:
        metrics = _fit_network(network, *fitted, seed=seed, progress=progress)
        weight, of_lists = choose_weight(fitted, network, parameters, threshold, device, progress)
        metrics |= of_lists
    users = whole.raters.vectors
    return LearnedRanker(whole.learned, typical, network, users, CANDIDATES, weight, metrics)


def _fit_each(
    ratings: Ratings,
    films: Films,
    typical: Typical,
    unseen: list[Mask],
    seed: int,
    progress: Progress,
) -> list[Fitted]:
    """Factorize what is not unseen, for each mask; facts of films and users are of that alone."""
    epochs = factorization.EPOCHS
    fitted = []
    for place, mask in enumerate(unseen):
        seen = ratings.part(~mask) if mask.any() else ratings  # of millions, no needless copy
        known, facts = film_inputs(seen, films, typical)
        learned = factorization.fit(
            *(seen, known, facts),
            epochs=epochs,
            seed=seed,
            progress=lambda what, done, of=None, note="", before=place: progress(
                what, before * epochs + done, len(unseen) * epochs, note
            ),
        )
        users = raters(learned, typical, seen)
        fitted.append(Fitted(learned, users, seen, ratings.part(mask)))
    progress("ratings", len(unseen) * epochs, len(unseen) * epochs)
    return fitted


def _fit_network(
    network: Network, judged: Fitted, *others: Fitted, seed: int, progress: Progress
) -> dict[str, float]:
    """Train the network on what the other parts have not seen, and judge it by the first."""
    training = zip(*(other.examples(network, seed) for other in others), strict=True)
    validation = judged.examples(network, seed)
    without = rmse(network, validation)
    with_it = fit_network(
        network, Examples(*(torch.cat(columns) for columns in training)), validation, seed, progress
    )
    return {"rmse_without_network": without, "rmse": with_it}


def choose_weight(
    parts: list[Fitted],
    network: Network,
    parameters: Parameters,
    threshold: float,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[float, dict[str, float]]:
    """Return the weight of the stars that makes good lists, and what these reach.

    In each part, a retrieval learns from the seen ratings, its candidates are put in order with
    each weight, and the lists are judged by the unseen films that the users like, a film counting
    the more, the more stars it got. Taken is the least weight that is within one standard error of
    the best one (Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3).
    """
    values, plain = [], []
    for done, part in enumerate(parts):
        progress("order", done, len(parts))
        for found, marks in _judged(part, network, parameters, threshold, device):
            values.append(found)
            plain.append(marks)
    progress("order", len(parts), len(parts))
    if not values:
        return 0.0, {}
    quality = np.concatenate(values, axis=1)  # (n_weights, n)
    best = int(quality.mean(axis=1).argmax())
    behind = quality[best] - quality  # (n_weights, n)
    error = behind.std(axis=1) / np.sqrt(quality.shape[1])
    chosen = int(np.flatnonzero(behind.mean(axis=1) <= error)[0])
    of_lists = np.concatenate(plain, axis=1).mean(axis=1)
    return WEIGHTS[chosen], {
        f"ndcg@{K}": float(of_lists[chosen]),
        f"ndcg@{K}_of_retrieval": float(of_lists[0]),
        f"graded_ndcg@{K}": float(quality[chosen].mean()),
        f"graded_ndcg@{K}_of_retrieval": float(quality[0].mean()),
    }


def _judged(
    part: Fitted, network: Network, parameters: Parameters, threshold: float, device: str
) -> Iterator[tuple[Values, Values]]:
    """Yield graded and plain NDCG of some users at a time, ``(n_weights, n)`` each."""
    liked = part.seen.part(part.seen.stars >= threshold)
    shape = len(part.raters.vectors), len(part.learned.films)
    held_out = part.unseen.part(part.unseen.stars >= threshold)
    known = np.bincount(liked.user_index, minlength=shape[0])
    asked = np.intersect1d(held_out.user_index, np.flatnonzero(known))
    if not len(asked):
        return
    if len(asked) > MOST_USERS:
        generator = np.random.default_rng(parameters.seed)
        asked = np.sort(generator.choice(asked, MOST_USERS, replace=False))
    users, films = torch.from_numpy(liked.user_index), torch.from_numpy(liked.movie_index)
    short = replace(parameters, epochs=min(RETRIEVAL_EPOCHS, parameters.epochs))
    retrieval = fit_retrieval(users, films, shape, short, device)
    for chunk in np.split(asked, range(USERS_A_CHUNK, len(asked), USERS_A_CHUNK)):
        scores = retrieval.users[chunk] @ retrieval.items.T  # (n, n_films)
        first, last = np.searchsorted(part.seen.user_index, [chunk, chunk + 1])
        of_chunk = np.concatenate([np.arange(*ends) for ends in zip(first, last, strict=True)])
        rows = np.repeat(np.arange(len(chunk)), last - first)
        scores[rows, part.seen.movie_index[of_chunk]] = -torch.inf
        mine = part.raters.part(torch.from_numpy(chunk))
        lists = _reranked(part.learned, network, mine, scores)
        truth = held_out.part(np.isin(held_out.user_index, chunk))
        pairs = np.searchsorted(chunk, truth.user_index), truth.movie_index
        gains = truth.stars.astype(np.float64) - threshold + 0.5
        yield (
            np.array([graded_ndcg(one, *pairs, gains, K) for one in lists]),
            np.array([graded_ndcg(one, *pairs, np.ones_like(gains), K) for one in lists]),
        )


@torch.no_grad()
def _reranked(
    learned: RatingFactors, network: Network, users: Raters, scores: Tensor
) -> list[Index]:
    """Return for each weight the best films of each user, as `recsys_internal.rerank` does.

    Parameters
    ----------
    scores
        ``(n_users, n_films)`` of the retrieval, minus infinity where a film is seen.
    """
    best = scores.double().topk(min(CANDIDATES, scores.shape[1]))  # (n_users, n) twice
    n_users, n = best.values.shape
    rows = torch.arange(n_users).repeat_interleave(n)
    predicted = stars(learned, network, users.part(rows), best.indices.flatten())
    usual = learned.mean + learned.biases[best.indices]
    liking = best.values[:, :1].abs() * (predicted.view(n_users, n) - usual)
    orders = [(best.values + weight * liking).topk(min(K, n)).indices for weight in WEIGHTS]
    return [best.indices.gather(1, order).numpy() for order in orders]
