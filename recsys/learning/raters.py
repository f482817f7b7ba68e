"""Films and users as the second stage sees them: the layout of a film's features, facts of users.

What `recsys_internal.find_rater` and `ranker_features` compute for one user or one new film, this
computes for all of them: change both, or the network is asked about other facts than it has
learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys.arrays import Ids, Index, Mask, Values
from recsys.learning.posteriors import RatingFactors
from recsys.learning.ratings import Films, Ratings
from recsys.learning.stars import solve_users

YEAR_UNIT = 15.0  # years that count as one
TIME_UNIT = 5 * 31_557_600.0  # seconds that count as one: five years
# So many ratings of a typical user are added to each user's own.
TYPICAL_RATINGS = 5.0


class Layout(NamedTuple):
    """Where what stands in a film's features: learned factors, genres, three facts, a one, a bias.

    The facts are the year, the number of ratings and when these were made.
    """

    factors: int
    genres: int

    @property
    def year(self) -> int:
        """Place of the year; popularity and when it is rated come after it."""
        return self.factors + self.genres

    @property
    def popularity(self) -> int:
        """Place of the number of ratings."""
        return self.year + 1

    @property
    def facts(self) -> slice:
        """Places of the three facts."""
        return slice(self.year, self.year + 3)

    @property
    def one(self) -> int:
        """Place of the constant 1, by which a user's own bias is multiplied."""
        return self.year + 3

    @property
    def bias(self) -> int:
        """Place of the film's bias, the last one."""
        return self.year + 4


def extended(learned: RatingFactors) -> Tensor:
    """Return the features of all films, ``(n_movies, bias + 1)``; see `Layout`.

    A user's vector gets a 1 in the place of the bias: dot product and mean are the prediction.
    """
    return torch.cat([learned.films, learned.biases[:, None]], 1)


class Raters(NamedTuple):
    """Users as the ranker sees them.

    ``vectors (n, one + 1)`` are solved from their ratings; ``facts (n, 4)`` are the logarithm of
    their number of ratings, how much these vary, the share of half stars, and when they rated.
    """

    vectors: Tensor
    facts: Tensor

    def part(self, chosen: Tensor) -> Raters:
        """Return the users at a mask or at places, as often as they are named."""
        return Raters(self.vectors[chosen], self.facts[chosen])


class Prior(NamedTuple):
    """The variance and the share of half stars that users' facts are drawn towards.

    By how many ratings, and what a second counts, stands with the ranker in the database.
    """

    variance: float
    halves: float
    ratings: float = TYPICAL_RATINGS
    time_unit: float = TIME_UNIT


@dataclass(frozen=True)
class Typical:
    """Means that films and users are compared with.

    Attributes
    ----------
    year, rated_at
        Of films with ratings, and seconds since 1970.
    variance, halves
        Variance of all stars, and the share of half stars.
    genres
        ``(n_genres,)``, of the genres of a film, scaled to length 1.
    """

    year: float
    rated_at: float
    variance: float
    halves: float
    genres: Values

    @classmethod
    def of(cls, ratings: Ratings, films: Films) -> Typical:
        """Compute them of all ratings and films."""
        years = films.years[np.unique(ratings.movie_index)]
        return cls(
            year=float(np.nanmean(years)) if np.isfinite(years).any() else 0.0,
            rated_at=float(ratings.seconds.mean()),
            variance=float(ratings.stars.var(dtype=np.float64)),
            halves=float((ratings.stars % 1 > 0).mean()),
            genres=_scaled(films.genres).mean(axis=0),
        )


def film_inputs(ratings: Ratings, films: Films, typical: Typical) -> tuple[Tensor, Tensor]:
    """Return ``known (n_movies, n_genres + 3)`` and ``facts (n_movies, n_genres + 3)`` of films.

    Known are the genres, scaled to length 1 a film, less their mean; the year, the number of
    ratings and when these were made. A film's vector is expected from a one, genres, year and its
    square.
    """
    genres = _scaled(films.genres) - typical.genres
    year = np.nan_to_num((films.years - typical.year) / YEAR_UNIT)[:, None]
    counts = np.bincount(ratings.movie_index, minlength=len(films.years))
    since = ratings.seconds - typical.rated_at
    when = np.bincount(ratings.movie_index, since, minlength=len(counts)) / (counts + 1) / TIME_UNIT
    known = np.hstack([genres, year, popularity(counts)[:, None], when[:, None]])
    facts = np.hstack([np.ones_like(year), genres, year, year**2])
    return torch.from_numpy(known), torch.from_numpy(facts)


def popularity(counts: Ids) -> Values:
    """Return the logarithm of numbers of ratings, about 0 for a film that some have rated."""
    scaled: Values = (np.log1p(counts) - 3) / 1.5
    return scaled


def film_terms(learned: RatingFactors, films: Films, typical: Typical) -> dict[str, Values]:
    """Return what the features of a film without ratings are the sum of.

    See the table ``recsys.ranker_terms``, and `recsys_internal.ranker_features`.
    """
    side = learned.side.numpy()  # of a one, the genres, the year, its square: `film_inputs`
    layout = Layout(learned.spread.shape[1], len(films.genre_names))
    of_genres, of_year, of_square = side[1:-2], side[-2], side[-1]

    def features(expected: Values) -> Values:
        row = np.zeros(layout.bias + 1)
        row[: layout.factors], row[layout.bias] = expected[:-1], expected[-1]
        return row

    base = features(side[0] - typical.genres @ of_genres)
    base[layout.factors : layout.year] = -typical.genres
    base[layout.popularity] = popularity(np.zeros(1, dtype=np.int64))[0]
    base[layout.one] = 1
    year = features(of_year)
    year[layout.year] = 1
    terms = {
        "base": base,
        "year": year / YEAR_UNIT,
        "year_squared": features(of_square) / YEAR_UNIT**2,
    }
    for place, name in enumerate(films.genre_names):
        terms[f"genre:{name}"] = features(of_genres[place])
        terms[f"genre:{name}"][layout.factors + place] = 1
    return terms


def raters(learned: RatingFactors, typical: Typical, ratings: Ratings) -> Raters:
    """Return all users; `recsys_internal.find_rater` does the same for one."""
    users, n_users = ratings.user_index, len(ratings.user_ids)
    counts = np.bincount(users, minlength=n_users)
    means = np.bincount(users, ratings.stars, minlength=n_users) / np.maximum(counts, 1)
    away = means[users]
    away -= ratings.stars
    squares = np.bincount(users, np.square(away, out=away), minlength=n_users)
    del away
    halves = np.bincount(users, ratings.stars % 1 > 0, minlength=n_users)
    since = np.bincount(users, ratings.seconds - typical.rated_at, minlength=n_users)
    prior = Prior(typical.variance, typical.halves)
    facts = rater_facts(counts, squares, halves, since, prior)
    return Raters(solve_users(learned, ratings), torch.from_numpy(facts))


def rater_facts(
    counts: Index, squares: NDArray[Any], halves: NDArray[Any], since: NDArray[Any], prior: Prior
) -> Values:
    """Return ``(n_users, 4)`` facts; see `Raters`.

    Parameters
    ----------
    counts, squares, halves, since
        ``(n_users,)`` of each user's ratings: how many, squares of their distances from the mean,
        how many are half stars, and seconds since the mean time of all.
    """
    drawn = counts + prior.ratings
    facts: Values = np.stack(
        [
            np.log1p(counts),
            np.sqrt((squares + prior.ratings * prior.variance) / drawn),
            (halves + prior.ratings * prior.halves) / drawn,
            since / (counts + 1) / prior.time_unit,
        ],
        axis=1,
    )
    return facts


def _scaled(genres: Mask) -> Values:
    """Return the genres scaled to length 1 a film."""
    scaled: Values = genres / np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
    return scaled
