"""Learns the ranker: how many stars a user gives a film, and how much these count in the order.

The network learns from ratings that the factorization before it has not seen: the ratings are cut
into parts, the factorization learns without one part at a time, and predicts that one. The first
part is for validation alone: it says when the network has learned enough. Which weight of the stars
makes the best lists is seen on all parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys.learning import network as second_stage
from recsys.learning import stars as factorization
from recsys.learning.als import fit as fit_retrieval
from recsys.learning.metrics import graded_ndcg
from recsys.learning.network import Examples, Network, Raters, extended, fit_network, rmse, stars
from recsys.learning.stars import RatingFactors, Ratings, predict
from recsys.models.ranker import FACTS_OF_FILM, LearnedRanker, RatingTable, film_inputs, raters
from recsys.parameters import Parameters

PARTS, USED_PARTS = 5, 3  # one is for validation; more of them learn hardly better
MANY_RATINGS = 200_000  # enough for the network: of more, two parts serve as well
MOST_EXAMPLES = 400_000  # of a part: more take gigabytes, and teach the network nothing
FEW_RATINGS = 100  # too few to learn from and to judge by
CANDIDATES = 50  # twice as many made no list better, and cost 2 to 5 ms of 62,000 films
WEIGHTS = 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0
K = 10
RETRIEVAL_EPOCHS = 8
MOST_USERS, USERS_A_CHUNK = 5000, 500


class Step(NamedTuple):
    """How far the learning is: what is being done, how much of it, and of how much."""

    what: str
    done: int
    of: int


OnStep = Callable[[Step], None]


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
        unseen = self.unseen.part(order[:MOST_EXAMPLES])
        pairs = self.raters.part(unseen.user_index)
        films = extended(self.learned)[unseen.film_index]
        predicted = predict(self.learned, pairs.vectors, unseen.film_index)
        return Examples(network.inputs(pairs, films), predicted, unseen.stars)


def learn_ranker(
    table: RatingTable,
    parameters: Parameters,
    threshold: float,
    device: str = "cpu",
    on_step: OnStep = lambda step: None,
) -> LearnedRanker:
    """Learn from all ratings.

    Parameters
    ----------
    parameters
        Of the retrieval, whose lists the weight is chosen on: alpha and regularization are given.
    threshold
        Stars from which a user likes a film.
    """
    ratings, seed = table.ratings, parameters.seed
    n = len(ratings.stars)
    part_of = np.random.default_rng(seed).permutation(n) % PARTS
    parts = list(range(USED_PARTS if n <= MANY_RATINGS else 2)) if n >= FEW_RATINGS else []
    total = (1 + len(parts)) * factorization.EPOCHS
    done = 0

    def fit(unseen: NDArray[np.bool_]) -> Fitted:
        nonlocal done
        fitted = _fit(
            table, unseen, seed, lambda epoch: on_step(Step("ratings", done + epoch, total))
        )
        done += factorization.EPOCHS
        return fitted

    whole = fit(np.zeros(n, dtype=bool))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = whole.learned.spread.shape[1], whole.learned.films.shape[1]
        network = Network(*shape, FACTS_OF_FILM)
    if not parts:
        return LearnedRanker(whole.learned, network, whole.raters.vectors, CANDIDATES, 0.0, {})
    judged, *others = (fit(part_of == part) for part in parts)
    on_step(Step("ratings", total, total))
    training = [other.examples(network, seed) for other in others]
    validation = judged.examples(network, seed)
    metrics = {"rmse_without_network": rmse(network, validation)}
    metrics["rmse"] = fit_network(
        network,
        Examples(*(torch.cat(columns) for columns in zip(*training, strict=True))),
        validation,
        seed,
        lambda epoch: on_step(Step("network", epoch, second_stage.EPOCHS)),
    )
    weight, of_lists = choose_weight(
        [judged, *others],
        network,
        parameters,
        threshold,
        device,
        lambda part, of: on_step(Step("order", part, of)),
    )
    return LearnedRanker(
        whole.learned, network, whole.raters.vectors, CANDIDATES, weight, metrics | of_lists
    )


def _fit(
    table: RatingTable, unseen: NDArray[np.bool_], seed: int, on_epoch: Callable[[int], None]
) -> Fitted:
    """Factorize what is not unseen; the facts of films and users are of that alone, too."""
    mask = torch.from_numpy(unseen)
    seen, rated_at = table.ratings.part(~mask), table.rated_at[~unseen]
    n_users = len(table.user_ids)
    known, facts = film_inputs(table, seen, rated_at)
    learned = factorization.fit(
        seen,
        n_users,
        known,
        facts,
        epochs=factorization.EPOCHS,
        seed=seed,
        on_epoch=lambda epoch, noise: on_epoch(epoch),
    )
    users = raters(learned, table.typical, seen, rated_at, n_users)
    return Fitted(learned, users, seen, table.ratings.part(mask))


def choose_weight(
    parts: list[Fitted],
    network: Network,
    parameters: Parameters,
    threshold: float,
    device: str = "cpu",
    on_part: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[float, dict[str, float]]:
    """Return the weight of the stars that makes good lists, and what these reach.

    In each part, a retrieval learns from the seen ratings, its candidates are put in order with
    each weight, and the lists are judged by the unseen films that the users like, a film counting
    the more, the more stars it got. Taken is the least weight that is within one standard error of
    the best one (Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3).
    """
    values, plain = [], []
    for done, part in enumerate(parts):
        on_part(done, len(parts))
        for found, marks in _judged(part, network, parameters, threshold, device):
            values.append(found)
            plain.append(marks)
    on_part(len(parts), len(parts))
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
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield graded and plain NDCG of some users at a time, ``(n_weights, n)`` each."""
    seen_users = part.seen.user_index.numpy()
    liked = part.seen.stars >= threshold
    users, films = part.seen.user_index[liked], part.seen.film_index[liked]
    shape = len(part.raters.vectors), len(part.learned.films)
    held_out = part.unseen.part(part.unseen.stars >= threshold)
    held_users = held_out.user_index.numpy()
    known = torch.bincount(users, minlength=shape[0]).numpy()
    asked = np.intersect1d(held_users, np.flatnonzero(known))
    if not len(asked):
        return
    if len(asked) > MOST_USERS:
        generator = np.random.default_rng(parameters.seed)
        asked = np.sort(generator.choice(asked, MOST_USERS, replace=False))
    short = replace(parameters, epochs=min(RETRIEVAL_EPOCHS, parameters.epochs))
    retrieval = fit_retrieval(users, films, shape, short, device)
    for chunk in np.split(asked, range(USERS_A_CHUNK, len(asked), USERS_A_CHUNK)):
        scores = retrieval.users[chunk] @ retrieval.items.T  # (n, n_films)
        first, last = np.searchsorted(seen_users, [chunk, chunk + 1])
        of_chunk = np.concatenate([np.arange(*ends) for ends in zip(first, last, strict=True)])
        rows = np.repeat(np.arange(len(chunk)), last - first)
        scores[rows, part.seen.film_index[of_chunk]] = -torch.inf
        raters = part.raters.part(torch.from_numpy(chunk))
        lists = _reranked(part.learned, network, raters, scores)
        mine = np.isin(held_users, chunk)
        truth = np.searchsorted(chunk, held_users[mine]), held_out.film_index.numpy()[mine]
        gains = (held_out.stars.numpy() - threshold + 0.5)[mine]
        yield (
            np.array([graded_ndcg(one, *truth, gains, K) for one in lists]),
            np.array([graded_ndcg(one, *truth, np.ones_like(gains), K) for one in lists]),
        )


@torch.no_grad()
def _reranked(
    learned: RatingFactors, network: Network, users: Raters, scores: Tensor
) -> list[NDArray[np.int64]]:
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
