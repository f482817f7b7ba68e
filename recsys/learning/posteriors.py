"""The posteriors of `recsys.learning.stars` in the making, an update at a time."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from recsys.learning.cores import core_workers
from recsys.learning.ratings import Ratings
from recsys.learning.sparse import csr_of_rows

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
        n_users, n_films = ratings.shape
        rows, columns, stars = tensors(ratings)
        self.mean = stars.mean()
        values = stars - self.mean
        self.counts = torch.bincount(rows, minlength=n_users).double()
        self.rated = torch.bincount(columns, minlength=n_films) > 0
        self.squares = values.new_zeros(n_users).index_add_(0, rows, values.square())
        values = values.float()
        self.by_user = parts(rows, columns, values, (n_users, n_films))
        order = torch.argsort(columns, stable=True)
        self.by_film = parts(columns[order], rows[order], values[order], (n_films, n_users))
        pairs = (self.known[:, :, None] * self.known[:, None, :]).flatten(1).float()
        # Of each user, sums of k k' over the films.
        self.pairs = torch.cat([part.ones @ pairs for part in self.by_user])

    def _begin(self, seed: int) -> None:
        """Draw users' latent parts, and set the variances that the first epochs go by."""
        n_users, d, c = len(self.counts), self.d, self.known.shape[1]
        generator = torch.Generator().manual_seed(seed)
        latent = torch.randn(n_users, d, generator=generator, dtype=torch.float64)
        latent *= INITIAL["scale"]
        self.users = torch.cat([latent, latent.new_zeros(n_users, c)], 1)
        # Second moments of the latent part with itself, (d, d), and with the rest, (d, c).
        self.moments = latent.new_zeros(n_users, d, d + c).float()
        self.moments[:, :, :d] = latent[:, :, None] * latent[:, None, :] + 0.01 * torch.eye(d)
        # What is summed over ratings: so many bytes would take long to be allocated anew.
        width = d * (d + c) + d + c + 1
        self.user_sums, self.film_sums = (
            torch.empty(rows, width) for rows in (n_users, len(self.known))
        )
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
        d, summed, weights = self.d, self.user_sums, self.weights[:, None].float()
        n = self.moments[0].numel()
        torch.mul(self.moments.flatten(1), weights, out=summed[:, :n])
        torch.mul(self.users.float(), weights, out=summed[:, n:-1])
        summed[:, -1:] = weights
        design = torch.cat([summed[:, n : n + d], weights], 1)
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
        self.noise = max(total / scale / float(self.counts.sum()), LEAST_NOISE)

    def _solve_users(self, part: Part, summed: Tensor, design: Tensor) -> tuple[Tensor, float]:
        """Update some users; return the sums of their second moments and of weighted squares."""
        d, n_all = self.d, self.users.shape[1]
        rows, n = part.rows, d * n_all
        sums, star = part.ones @ summed, (part.stars @ design).double()
        gram = star.new_empty(len(sums), n_all, n_all)
        gram[:, :d] = sums[:, :n].unflatten(1, (d, n_all))
        gram[:, d:, :d] = gram[:, :d, d:].mT
        gram[:, d:, d:] = self.pairs[rows].unflatten(1, (n_all - d, n_all - d))
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
        self.moments[rows] = second[:, :d].float()
        self.weights[rows] = (self.counts[rows] + TYPICAL_RATINGS) / (
            left / self.noise + TYPICAL_RATINGS
        )
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
            mean=float(self.mean),
            noise=self.noise,
            films=torch.cat([self.films[:, :d], self.known], 1),
            biases=self.films[:, d].clone(),
            spread=self.film_covariance[:, :d, :d].diagonal(dim1=1, dim2=2).clone(),
            user_variance=self.user_variance,
            side=self.side,
            film_variance=self.film_variance,
        )


def tensors(ratings: Ratings) -> tuple[Tensor, Tensor, Tensor]:
    """Return user and film of each rating, int64, and its stars, float64."""
    indexes = torch.from_numpy(ratings.user_index), torch.from_numpy(ratings.movie_index)
    return *indexes, torch.from_numpy(ratings.stars).double()


def parts(rows: Tensor, columns: Tensor, stars: Tensor, shape: tuple[int, int]) -> list[Part]:
    """Cut ratings, ordered by row, into parts."""
    cut = []
    for start in range(0, shape[0], ROWS_A_PART):
        stop = min(start + ROWS_A_PART, shape[0])
        first, last = torch.searchsorted(rows, torch.tensor([start, stop])).tolist()
        index = rows[first:last] - start, columns[first:last].int()
        size, values = (stop - start, shape[1]), stars[first:last]
        ones = csr_of_rows(*index, torch.ones_like(values), size)
        cut.append(Part(slice(start, stop), ones, csr_of_rows(*index, values, size)))
    return cut


def _inverse(matrices: Tensor) -> Tensor:
    """Return the inverse of each; `torch.linalg.inv` is slow beyond measure for many on a CPU."""
    return torch.cholesky_inverse(torch.linalg.cholesky(matrices))
