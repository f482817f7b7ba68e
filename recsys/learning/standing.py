"""What is known at some moment: films and users as the order of the lists sees them.

What `recsys_internal.find_ordering` and `rerank` compute for one user, this computes for many:
change both, or lists are put in order by other numbers than were learned from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys.arrays import Ids, Index, Mask, Values
from recsys.learning.additive import Additive, sums
from recsys.learning.popularity import decayed_counts
from recsys.learning.ratings import Ratings
from recsys.parameters import POSITIVE_STARS

DAY = 86_400.0
RECENT_UNIT = 90 * DAY  # a rating so much older than the user's last counts half as recent
FEW_LIKES = 4  # fewer say little of a taste
OLDEST = 20  # halvings, after which it counts nothing
LEAST_POPULARITY = 1e-4  # of the most popular film's, is added to each
CANDIDATES, POPULAR = 60, 30  # films of retrieval, and popular ones, that are put in order


class FilmFacts(NamedTuple):
    """What is known of films apart from their vectors, ``(n_movies,)`` each.

    ``decayed`` and ``likes`` count likes, the one with less weight for older ones; ``popular`` is
    the logarithm of ``decayed`` and a little; ``age`` that of one and the days since the first
    rating.
    """

    decayed: Values
    likes: Values
    popular: Values
    age: Values

    def part(self, films: Index) -> FilmFacts:
        """Return the facts of some films."""
        return FilmFacts(*(column[films] for column in self))

    @classmethod
    def of(cls, ratings: Ratings, half_life: float | None) -> FilmFacts:
        """Compute them as of the newest rating; likes are those that the database counts."""
        n_movies, seconds = ratings.shape[1], ratings.seconds
        liked = ratings.stars >= np.float32(POSITIVE_STARS)
        movies = ratings.movie_index[liked]
        decayed = decayed_counts(movies, seconds[liked], half_life, n_movies)
        first = np.full(n_movies, seconds.max())
        np.minimum.at(first, ratings.movie_index, seconds)
        return cls(
            decayed,
            np.bincount(movies, minlength=n_movies).astype(np.float64),
            popular(decayed),
            np.log1p((seconds.max() - first) / DAY),
        )


def popular(decayed: Values) -> Values:
    """Return the logarithm of decayed counts, with a little added to each."""
    little = LEAST_POPULARITY * max(float(decayed.max(initial=0.0)), 1e-9)
    logarithm: Values = np.log(decayed + little)
    return logarithm


class Viewers(NamedTuple):
    """Users as the order sees them.

    ``facts (n, n_facts)`` as `order.FACTS`; ``sums``, ``recent (n, 2 d)`` of what they rated, in
    `recent` the less, the longer before their last rating. All float32.
    """

    facts: Tensor
    sums: Tensor
    recent: Tensor

    def part(self, chosen: Tensor) -> Viewers:
        """Return the users at a mask or at places."""
        return Viewers(*(column[chosen] for column in self))


def viewers(
    vectors: Additive,
    users: Ids,
    movies: Ids,
    liked: Mask,
    seconds: Values,
    n_users: int,
    newest: float,
) -> Viewers:
    """Return users from their ratings.

    Parameters
    ----------
    users, movies, liked, seconds
        ``(n,)`` each; films by their row in `vectors`, below 0 for those without.
    newest
        The moment that users are idle until, in seconds.
    """
    last, first = np.full(n_users, -np.inf), np.full(n_users, np.inf)
    np.maximum.at(last, users, seconds)
    np.minimum.at(first, users, seconds)
    counts = np.bincount(users, minlength=n_users)
    likes = np.bincount(users, liked, minlength=n_users)
    some = counts > 0
    idle, span = np.where(some, newest - last, 0.0), np.where(some, last - first, 0.0)
    # Whole steps: one rating more or less moves no weight, only what it adds itself.
    facts = np.stack(
        [
            (likes < FEW_LIKES).astype(np.float64),
            np.floor(np.log2(1 + np.maximum(idle, 0) / DAY)),
            np.floor(np.log2(1 + span / DAY)),
        ],
        axis=1,
    )
    halvings = np.floor((last[users] - seconds) / RECENT_UNIT)
    recency = np.where(halvings <= OLDEST, np.exp2(-np.minimum(halvings, OLDEST)), 0)
    known = movies >= 0
    of = users[known], movies[known], liked[known]
    return Viewers(
        torch.from_numpy(facts).float(),
        sums(vectors, *of, np.ones(int(known.sum())), n_users),
        sums(vectors, *of, recency[known], n_users),
    )


def inputs(
    outward: Tensor, facts: FilmFacts, who: Viewers, retrieval: Tensor, films: Tensor
) -> Tensor:
    """Return ``(n, c, n_inputs)`` float32 of candidates; see `order.INPUTS`.

    Parameters
    ----------
    outward
        ``(n_movies, 2 d)``.
    retrieval, films
        ``(n, c)``: the candidates' scores of retrieval, and their indexes.
    """
    out = outward[films]  # (n, c, 2 d)
    of_films = np.stack([facts.popular, np.log(facts.likes + 0.5), facts.age], axis=1)
    return torch.cat(
        [
            retrieval[:, :, None],
            out @ torch.stack([who.sums, who.recent], 2),
            torch.from_numpy(of_films).float()[films],
        ],
        2,
    )
