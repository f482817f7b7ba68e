"""Questions asked of the past, from which the order of the lists is learned and judged.

Some ratings are held out, and all that a question is answered from is made of the others: the
vectors of retrieval, those that add up, what is popular. Held out is what came after a moment, at
several moments (`later`), or a random part (`missing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys.arrays import Ids, Index, Mask
from recsys.learning.additive import Additive, Directions, additive, directions
from recsys.learning.als import fit as fit_retrieval
from recsys.learning.cores import one_core
from recsys.learning.order import (
    SIMPLE,
    Order,
    Questions,
    choose_order,
    joined,
    quality,
    typical_inputs,
)
from recsys.learning.ratings import Ratings
from recsys.learning.standing import CANDIDATES, POPULAR, FilmFacts, Viewers, inputs, viewers
from recsys.parameters import Parameters
from recsys.progress import Progress, silent

CUTS, WINDOW = (0.5, 0.6, 0.7, 0.8, 0.9), 0.2  # of the likes' times, and what is asked after each
VALIDATED = 2  # the last ones; the order learns from those before
PARTS, USED_PARTS = 5, 4  # of a random division
RIDGES = 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0
RIDGE = 200.0  # where no question tells
EPOCHS = 8  # of the retrieval
# Of more ratings, a random part of the users serves: for questions, and for the vectors.
MOST_ASKED, MOST_SUMMED = 300_000, 1_000_000
MOST_QUESTIONS = 2000  # a part
LEAST_QUESTIONS = 20  # of learning, and of validation
USERS_A_CHUNK = 200


class LearnedOrder(NamedTuple):
    """How candidates are put in order, and by what.

    Attributes
    ----------
    name
        ``learned``, or that of a simple order that is as good: ``plain``, ``popular``,
        ``retrieval``.
    taught_by
        ``later`` or ``missing``: which questions it was learned from and judged by.
    typical
        Of `typical_inputs`.
    metrics
        NDCG@10 that each order reached on the validation, and the ridge.
    vectors, facts
        Of the films; empty until `renew_order`.
    """

    name: str
    taught_by: str
    order: Order
    typical: list[float]
    metrics: dict[str, Any]
    vectors: Additive = Additive(*np.empty((3, 0, 0), dtype=np.float32))
    facts: FilmFacts = FilmFacts(*np.empty((4, 0)))


def learn_order(
    ratings: Ratings,
    parameters: Parameters,
    threshold: float,
    half_life: float | None,
    taught_by: str | None = None,
    device: str = "cpu",
    progress: Progress = silent,
) -> LearnedOrder:
    """Learn from all ratings.

    Parameters
    ----------
    parameters
        Of the retrieval: alpha and regularization are given.
    threshold
        Stars from which a user likes a film.
    half_life
        Of likes, in seconds; None: all count alike.
    taught_by
        ``later`` or ``missing``; None: by what came later, if there are times that tell.
    progress
        Called with the step ``order``.
    """
    few = ratings.some_users(MOST_ASKED, parameters.seed)
    learner = _Learner(parameters, threshold, half_life, device)
    ways = {"later": _later(few, threshold), "missing": _missing(few, parameters.seed)}
    tried = [taught_by] if taught_by else list(ways)
    for way in tried:
        masks = list(ways[way])
        answered: list[_Asked] = []
        for done, (known, held_out) in enumerate(masks):
            progress("order", done, len(masks))
            asked = learner.ask(few, known, held_out)
            answered += [] if asked is None else [asked]
        progress("order", len(masks), len(masks))
        if _enough(answered):
            break
    name, order, ridge = "plain", Order(SIMPLE["plain"]), RIDGE
    metrics: dict[str, Any] = {}
    typical = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    if _enough(answered):
        ridge = _choose_ridge(answered[-VALIDATED:])
        parts = [one.questions(ridge) for one in answered]
        typical = typical_inputs(joined(parts))
        name, order, metrics = choose_order(parts[:-VALIDATED], parts[-VALIDATED:], parameters.seed)
    learned = LearnedOrder(name, way, order, typical, metrics | {"ridge": ridge})
    return renew_order(learned, ratings, parameters.seed, threshold, half_life)


def renew_order(
    kept: LearnedOrder, ratings: Ratings, seed: int, threshold: float, half_life: float | None
) -> LearnedOrder:
    """Return the same order with vectors and facts of films from these ratings."""
    few, summed = (ratings.some_users(most, seed) for most in (MOST_ASKED, MOST_SUMMED))
    # Squares of singular values grow with the number of users, and so does the ridge.
    ridge = kept.metrics["ridge"] * len(summed.stars) / len(few.stars)
    found = directions(summed, threshold, seed)
    facts = FilmFacts.of(ratings, half_life)
    return kept._replace(vectors=additive(*found, ridge), facts=facts)


def _enough(answered: list[_Asked]) -> bool:
    # Where none of the candidates is liked, there is nothing to put on top.
    asked = [int((one.liked.sum(1) > 0).sum()) for one in answered]
    return len(asked) > VALIDATED and (
        min(sum(asked[:-VALIDATED]), sum(asked[-VALIDATED:])) >= LEAST_QUESTIONS
    )


def _choose_ridge(answered: list[_Asked]) -> float:
    """Return the ridge with which the plain order is best."""
    plain = Order(SIMPLE["plain"])
    reached = [
        np.concatenate([quality(plain, one.questions(ridge)) for one in answered]).mean()
        for ridge in RIDGES
    ]
    return RIDGES[int(np.argmax(reached))]


def _later(ratings: Ratings, threshold: float) -> Iterator[tuple[Mask, Mask]]:
    """Yield masks of what is known at each cut, and of what was liked in the time after it."""
    liked, times = ratings.stars >= threshold, ratings.rated_at
    moments = np.quantile(
        times[liked], [*CUTS, *(min(1.0, c + WINDOW) for c in CUTS)], method="lower"
    )
    for cut, end in zip(moments[: len(CUTS)], moments[len(CUTS) :], strict=True):
        yield times <= cut, liked & (times > cut) & (times <= end)


def _missing(ratings: Ratings, seed: int) -> Iterator[tuple[Mask, Mask]]:
    """Yield masks of all but one part of the ratings, and of that part."""
    part_of = np.random.default_rng(seed).permutation(len(ratings.stars)) % PARTS
    for part in range(USED_PARTS):
        yield part_of != part, part_of == part


class _Asked(NamedTuple):
    """The users of one cut or part, with all that their questions are made of, given a ridge.

    Of the films, those alone are kept that are candidates of any user, ``(m,)``; `films` has the
    places among these.
    """

    users: Ids
    candidates: Index
    who: Viewers
    found: tuple[Directions, Directions]
    facts: FilmFacts
    retrieval: Tensor  # (n, c)
    films: Tensor  # (n, c)
    there: Tensor  # (n, c)
    liked: Tensor  # (n, c)
    relevant: Tensor  # (n,)

    @one_core()
    def questions(self, ridge: float) -> Questions:
        """Return the questions as they are with that ridge."""
        outward = torch.from_numpy(additive(*self.found, ridge).outward)
        of = [
            inputs(outward, self.facts, self.who.part(rows), self.retrieval[rows], self.films[rows])
            for rows in torch.arange(len(self.films)).split(USERS_A_CHUNK)
        ]
        return Questions(self.who.facts, torch.cat(of), self.there, self.liked, self.relevant)


class _Learner(NamedTuple):
    """What all cuts or parts are learned with."""

    parameters: Parameters
    threshold: float
    half_life: float | None
    device: str

    def ask(self, ratings: Ratings, known: Mask, held_out: Mask) -> _Asked | None:
        """Learn from what is known, and ask those who liked something of what is held out."""
        seen = ratings.part(known)
        liked = seen.part(seen.stars >= self.threshold)
        truth = ratings.part(held_out & (ratings.stars >= self.threshold))
        asked = np.intersect1d(truth.user_index, liked.user_index)
        if not len(asked):
            return None
        generator = np.random.default_rng(self.parameters.seed)
        if len(asked) > MOST_QUESTIONS:
            asked = np.sort(generator.choice(asked, MOST_QUESTIONS, replace=False))
        mine = seen.part(np.isin(seen.user_index, asked))
        truth = truth.part(np.isin(truth.user_index, asked))
        facts = FilmFacts.of(seen, self.half_life)
        short = replace(self.parameters, epochs=min(EPOCHS, self.parameters.epochs))
        pairs = torch.from_numpy(liked.user_index), torch.from_numpy(liked.movie_index)
        learned = fit_retrieval(*pairs, seen.shape, short, self.device)
        by_popularity = np.lexsort((-facts.likes, -facts.decayed))
        found = [
            _candidates(
                learned.users[chunk] @ learned.items.T,
                torch.from_numpy(by_popularity.copy()),
                *_pairs_of(mine, chunk),
                *_pairs_of(truth, chunk),
            )
            for chunk in np.split(asked, range(USERS_A_CHUNK, len(asked), USERS_A_CHUNK))
        ]
        retrieval, films, there, on_top = _joined(found)
        chosen, places = films.unique(return_inverse=True)
        candidates = chosen.numpy()
        of_likes, of_all = directions(seen, self.threshold, self.parameters.seed)
        who = viewers(
            Additive(of_likes.stored, of_all.stored, outward=of_likes.stored[:0]),  # sums alone
            np.searchsorted(asked, mine.user_index),
            mine.movie_index,
            mine.stars >= self.threshold,
            mine.seconds,
            len(asked),
            float(seen.seconds.max()),
        )
        return _Asked(
            asked,
            candidates,
            who,
            (of_likes.part(candidates), of_all.part(candidates)),
            facts.part(candidates),
            *(retrieval, places, there, on_top),
            torch.from_numpy(np.bincount(np.searchsorted(asked, truth.user_index))),
        )


def _joined(
    chunks: list[tuple[Tensor, Tensor, Tensor, Tensor]],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    first, second, third, fourth = zip(*chunks, strict=True)
    return torch.cat(first), torch.cat(second), torch.cat(third), torch.cat(fourth)


def _pairs_of(ratings: Ratings, users: Index) -> tuple[Tensor, Tensor]:
    """Return row and film of the ratings of some users, who are ascending."""
    theirs = np.isin(ratings.user_index, users)
    rows = np.searchsorted(users, ratings.user_index[theirs])
    return torch.from_numpy(rows), torch.from_numpy(ratings.movie_index[theirs])


def _candidates(
    scores: Tensor, by_popularity: Tensor, rows: Tensor, rated: Tensor,
    true_rows: Tensor, true_films: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return score, film, whether it is a candidate, and whether it is liked, ``(n, c)`` each."""
    n_users, n_movies = scores.shape
    barred, liked = torch.zeros(2, n_users, n_movies, dtype=torch.bool)
    barred[rows, rated] = True
    liked[true_rows, true_films] = True
    scores = scores.masked_fill(barred, -torch.inf)
    best = scores.topk(min(CANDIDATES, n_movies)).indices
    free = ~barred[:, by_popularity]  # (n_users, n_movies), the most popular first
    first = free & (free.cumsum(1) <= POPULAR)
    place = first.float().topk(min(POPULAR, n_movies)).indices.sort().values
    films = torch.cat([best, by_popularity[place]], 1)
    there = ~barred.gather(1, films)
    chosen = torch.zeros_like(barred).scatter_(1, best, True)
    there[:, best.shape[1] :] &= ~chosen.gather(1, films[:, best.shape[1] :])
    wanted = CANDIDATES + POPULAR
    retrieval = scores.gather(1, films).masked_fill(~there, 0)
    answer = retrieval, films, there, liked.gather(1, films).float() * there
    if films.shape[1] == wanted:
        return answer
    short = wanted - films.shape[1]
    padded = [torch.nn.functional.pad(column, (0, short)) for column in answer]
    return padded[0], padded[1], padded[2], padded[3]
