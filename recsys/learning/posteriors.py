"""The posteriors of `recsys.learning.stars` in the making, an update at a time."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys.arrays import Numbers, Vectors
from recsys.learning.cores import core_workers
from recsys.learning.ratings import Ratings
from recsys.learning.sparse import csr

INITIAL = {"factors": 0.3, "known": 0.05, "bias": 0.2, "film": 0.1, "noise": 0.7, "scale": 0.1}
TYPICAL_RATINGS = 10.0  # of average noise, which are added to every user's own
SIDE_RIDGE = 1.0
LEAST_NOISE = 1e-3
ROWS_A_PART = 256


class RatingFactors(NamedTuple):
    """A learned model; all float64.

    Attributes
    ----------
    mean, noise
        Mean rating, and the variance of what remains of one.
    films
        ``(n_films, factors + n_known + 1)``, the rows x.
    biases
        ``(n_films,)``.
    spread
        ``(n_films, factors)``, variances of the latent part.
    user_variance
        ``(factors + n_known + 1,)``.
    side
        ``(n_facts, factors + 1)``: facts times it are the latent part and the bias expected of a
        film without ratings; ``film_variance (factors + 1,)`` is how far films are from it.
    """

    mean: float
    noise: float
    films: Tensor
    biases: Tensor
    spread: Tensor
    user_variance: Tensor
    side: Tensor
    film_variance: Tensor


class Part(NamedTuple):
    """Some rows of one side: who rated what, ``(n_rows, n_columns)`` twice, as ones and as the
    stars less their mean; sparse, in single precision."""

    rows: slice
    ones: Tensor
    stars: Tensor


class Posteriors:
    """The posteriors in the making.

    Sums over ratings are in single precision, as what takes time is to move them; what is solved
    of a row's sums is in double.
    """

    films: Tensor  # (n_films, d + 1), means of (v, b)
    film_covariance: Tensor  # (n_films, d + 1, d + 1)

    def __init__(
        self,
        ratings: Ratings,
        known: Tensor,
        facts: Tensor,
        factors: int,
        seed: int,
    ) -> None:
        self.d, self.facts = factors, facts
        self.known = torch.cat([known, known.new_ones(len(known), 1)], 1)  # (n_films, c)
        self._arrange(ratings)
        self._begin(seed)

    def _arrange(self, ratings: Ratings) -> None:
        """Lay out who rated what, by users and by films, in parts."""
        users, n_users = ratings.user_index, ratings.shape[0]
        self.mean = float(ratings.stars.mean(dtype=np.float64))
        by_user = matrix(ratings, less(ratings.stars, self.mean))
        self.counts = torch.from_numpy(np.diff(by_user.indptr)).double()
        squares = np.bincount(users, np.square(by_user.data, dtype=np.float64), n_users)
        self.squares = torch.from_numpy(squares)
        by_film = by_user.T.tocsr()
        self.rated = torch.from_numpy(np.diff(by_film.indptr) > 0)
        self.by_user, self.by_film = parts(by_user), parts(by_film)
        # Of each user, sums of half of k k' over the films.
        left, right = torch.triu_indices(self.known.shape[1], self.known.shape[1])
        pairs = (self.known[:, left] * self.known[:, right]).float()
        self.pairs = torch.zeros(n_users, len(left))
        for part in self.by_user:
            rows = self.pairs[part.rows]
            torch.addmm(rows, part.ones, pairs, out=rows)
        self.places = torch.empty(self.known.shape[1], self.known.shape[1], dtype=torch.int64)
        self.places[left, right] = self.places[right, left] = torch.arange(len(left))

    def _begin(self, seed: int) -> None:
        """Draw users' latent parts, and set the variances that the first epochs go by."""
        n_users, d, c = len(self.counts), self.d, self.known.shape[1]
        generator = torch.Generator().manual_seed(seed)
        latent = torch.randn(n_users, d, generator=generator, dtype=torch.float64)
        latent *= INITIAL["scale"]
        self.users = torch.cat([latent, latent.new_zeros(n_users, c)], 1)
        # What is summed over ratings; of users, second moments of the latent part with itself,
        # (d, d), and with the rest, (d, c), means, and a one, all times the weight w. So many bytes
        # would take long to be allocated anew.
        width = d * (d + c) + d + c + 1
        self.user_sums, self.film_sums = (
            torch.zeros(rows, width) for rows in (n_users, len(self.known))
        )
        moments = self.user_sums[:, : d * (d + c)].unflatten(1, (d, d + c))
        moments[:, :, :d] = latent[:, :, None] * latent[:, None, :] + 0.01 * torch.eye(d)
        self.user_sums[:, moments[0].numel() : -1] = self.users
        self.user_sums[:, -1] = 1
        self.user_variance = latent.new_full((d + c,), INITIAL["known"])
        self.user_variance[:d], self.user_variance[-1] = INITIAL["factors"], INITIAL["bias"]
        self.film_variance = latent.new_full((d + 1,), INITIAL["film"])
        self.film_variance[-1] = INITIAL["bias"]
        self.side = latent.new_zeros(self.facts.shape[1], d + 1)
        self.noise = INITIAL["noise"]
        self.weights = latent.new_ones(n_users)  # w
        self.user_squares = latent.new_zeros(d + c)  # mean second moment of a user's coordinates

    def begin_at(self, learned: RatingFactors) -> None:
        """Take over what was learned of films and how users vary: users come next."""
        d, biases = self.d, learned.biases[:, None]
        self.films = torch.cat([learned.films[:, :d], biases], 1)
        spread = torch.cat([learned.spread, torch.zeros_like(biases)], 1)
        self.film_covariance = torch.diag_embed(spread)
        self.user_variance, self.noise = learned.user_variance, learned.noise

    def films_from_users(self) -> None:
        """Update the posterior of each film's (v, b)."""
        d, summed = self.d, self.user_sums
        n = d * self.users.shape[1]
        design = torch.cat([summed[:, n : n + d], summed[:, -1:]], 1)
        expected = self.facts @ self.side / self.film_variance  # (n_films, d + 1)
        work = partial(self._solve_films, summed=summed, design=design, expected=expected)
        covariances, films = zip(*core_workers().map(work, self.by_film), strict=True)
        self.film_covariance, self.films = torch.cat(covariances), torch.cat(films)

    def _solve_films(
        self, part: Part, summed: Tensor, design: Tensor, expected: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the covariance ``(n, d + 1, d + 1)`` and the mean of some films' (v, b)."""
        d, known = self.d, self.known[part.rows]
        sums = (part.ones @ summed).double()
        n = d * (d + known.shape[1])
        moments, users = sums[:, :n].unflatten(1, (d, -1)), sums[:, n:]
        precision = sums.new_empty(len(sums), d + 1, d + 1)
        precision[:, :d, :d] = moments[:, :, :d]
        precision[:, :d, d] = precision[:, d, :d] = users[:, :d]
        precision[:, d, d] = users[:, -1]
        of_factors = torch.einsum("ndc,nc->nd", moments[:, :, d:], known)
        of_bias = torch.linalg.vecdot(users[:, d:-1], known)
        explained = torch.cat([of_factors, of_bias[:, None]], 1)
        target = ((part.stars @ design).double() - explained) / self.noise + expected[part.rows]
        covariance = _inverse(precision / self.noise + torch.diag(1 / self.film_variance))
        return covariance, torch.einsum("nij,nj->ni", covariance, target)

    def users_from_films(self) -> None:
        """Update the posterior of each user's m, how noisy each is, and the noise of all."""
        d, summed = self.d, self.film_sums
        films, covariance = self.films.float(), self.film_covariance.float()
        x = torch.cat([films[:, :d], self.known.float()], 1)  # (n_films, d + c)
        n = d * x.shape[1]
        moments = summed[:, :n].unflatten(1, (d, -1))
        torch.mul(x[:, :d, None], x[:, None, :], out=moments)
        moments[:, :, :d] += covariance[:, :d, :d]
        torch.mul(x, films[:, d:], out=summed[:, n:-1])  # E[b x]
        summed[:, n : n + d] += covariance[:, :d, d]
        summed[:, -1] = films[:, d].square() + covariance[:, d, d]  # E[b b]
        work = partial(self._solve_users, summed=summed, design=torch.cat([x, films[:, d:]], 1))
        found = list(core_workers().map(work, self.by_user))
        self.user_squares = torch.stack([squares for squares, _ in found]).sum(0)
        total = math.fsum(left for _, left in found)
        scale = float((self.weights * self.counts).sum() / self.counts.sum())
        self.weights /= scale
        self.user_sums /= scale
        self.noise = max(total / scale / float(self.counts.sum()), LEAST_NOISE)

    def _solve_users(self, part: Part, summed: Tensor, design: Tensor) -> tuple[Tensor, float]:
        """Update some users; return the sums of their second moments and of weighted squares."""
        d, n_all = self.d, self.users.shape[1]
        rows, n = part.rows, d * n_all
        sums, star = part.ones @ summed, (part.stars @ design).double()
        gram = star.new_empty(len(sums), n_all, n_all)
        gram[:, :d] = sums[:, :n].unflatten(1, (d, n_all))
        gram[:, d:, :d] = gram[:, :d, d:].mT
        gram[:, d:, d:] = self.pairs[rows][:, self.places]
        offset = sums[:, n:].double()
        target = star[:, :-1] - offset[:, :-1]
        squares = self.squares[rows] - 2 * star[:, -1] + offset[:, -1]  # of r - mean - b
        weight = (self.weights[rows] / self.noise)[:, None]
        posterior = _inverse(gram * weight[:, :, None] + torch.diag(1 / self.user_variance))
        users = torch.einsum("nij,nj->ni", posterior, target * weight)
        second = users[:, :, None] * users[:, None, :] + posterior
        left = squares - 2 * (target * users).sum(1) + (gram * second).sum((1, 2))
        left = left.clamp_min(0)  # of rounding
        self.users[rows] = users
        weight = (self.counts[rows] + TYPICAL_RATINGS) / (left / self.noise + TYPICAL_RATINGS)
        self.weights[rows] = weight
        summed = torch.cat([second[:, :d].flatten(1), users, torch.ones_like(users[:, :1])], 1)
        torch.mul(summed, weight[:, None], out=summed)
        self.user_sums[rows] = summed.float()
        return second.diagonal(dim1=1, dim2=2).sum(0), float((left * self.weights[rows]).sum())

    def estimate_variances(self) -> None:
        """Estimate the priors from the posteriors, over films that have ratings."""
        facts, films = self.facts[self.rated], self.films[self.rated]
        ridge = SIDE_RIDGE * torch.eye(facts.shape[1], dtype=torch.float64)
        self.side = torch.linalg.solve(facts.T @ facts + ridge, facts.T @ films)
        left = (films - facts @ self.side).square()
        own = self.film_covariance[self.rated].diagonal(dim1=1, dim2=2)
        self.film_variance = (left + own).mean(0)
        self.user_variance = self.user_squares / len(self.users)

    def learned(self) -> RatingFactors:
        """Return the model as it is now."""
        d = self.d
        return RatingFactors(
            mean=self.mean,
            noise=self.noise,
            films=torch.cat([self.films[:, :d], self.known], 1),
            biases=self.films[:, d].clone(),
            spread=self.film_covariance[:, :d, :d].diagonal(dim1=1, dim2=2).clone(),
            user_variance=self.user_variance,
            side=self.side,
            film_variance=self.film_variance,
        )


def less(stars: Vectors, expected: Numbers | float) -> Vectors:
    """Return what the stars are above what is expected, without copies in double precision."""
    return np.subtract(
        stars, expected, out=np.empty_like(stars), dtype=np.float64, casting="same_kind"
    )


def matrix(ratings: Ratings, values: Vectors) -> sparse.csr_array:
    """Return who rated what with these values, ``(n_users, n_films)``."""
    counts = np.bincount(ratings.user_index, minlength=ratings.shape[0])
    return sparse.csr_array(
        (values, ratings.movie_index, np.append(0, counts.cumsum())), ratings.shape
    )


def parts(stars: sparse.csr_array) -> list[Part]:
    """Cut a matrix of stars into parts, whose numbers stay where they are."""
    ends, n_columns = torch.from_numpy(stars.indptr), stars.shape[1]
    columns, values = torch.from_numpy(stars.indices).int(), torch.from_numpy(stars.data)
    cuts = [*range(0, stars.shape[0], ROWS_A_PART), stars.shape[0]]
    ones = torch.ones(max(np.diff(stars.indptr[cuts]), default=0))
    cut = []
    for start, stop in pairwise(cuts):
        of = slice(int(ends[start]), int(ends[stop]))
        index = (ends[start : stop + 1] - ends[start]).int(), columns[of]
        cut.append(
            Part(
                slice(start, stop),
                csr(*index, ones[: len(index[1])], (stop - start, n_columns)),
                csr(*index, values[of], (stop - start, n_columns)),
            )
        )
    return cut


def _inverse(matrices: Tensor) -> Tensor:
    """Return the inverse of each; `torch.linalg.inv` is slow beyond measure for many on a CPU."""
    return torch.cholesky_inverse(torch.linalg.cholesky(matrices))
