"""The posteriors of `recsys.learning.stars` in the making, an update at a time."""

from __future__ import annotations

import math
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
USERS_A_CHUNK = 1024


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


class _Chunk(NamedTuple):
    """Some users: who rated what, in double and single precision, the stars less their mean, and
    the sums of ``k k'`` over their films."""

    users: slice
    ones: Tensor
    singles: Tensor
    stars: Tensor
    pairs: Tensor


class _Fixed(NamedTuple):
    """What a user's sums are made of, a row a film: second moments of x with its latent part;
    ``E[b x]`` and ``E[b b]``; x and b."""

    moments: Tensor
    offsets: Tensor
    design: Tensor


class Posteriors:
    """The posteriors in the making."""

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
        """Lay out who rated what, by users in chunks and by films."""
        n_users, n_films = ratings.shape
        rows, columns, stars = tensors(ratings)
        self.mean = stars.mean()
        values = stars - self.mean
        self.counts = torch.bincount(rows, minlength=n_users).double()
        self.rated = torch.bincount(columns, minlength=n_films) > 0
        ends = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)]).long().tolist()
        pairs = (self.known[:, :, None] * self.known[:, None, :]).flatten(1)
        self.chunks = []
        for start in range(0, n_users, USERS_A_CHUNK):
            stop = min(start + USERS_A_CHUNK, n_users)
            part = slice(ends[start], ends[stop])
            index, size = (rows[part] - start, columns[part]), (stop - start, n_films)
            ones = csr_of_rows(*index, torch.ones_like(values[part]), size)
            given = csr_of_rows(*index, values[part], size)
            self.chunks.append(_Chunk(slice(start, stop), ones, ones.float(), given, ones @ pairs))
        order = torch.argsort(columns, stable=True)
        index, size = (columns[order], rows[order]), (n_films, n_users)
        self.ones_by_film = csr_of_rows(*index, torch.ones_like(values), size)
        self.singles_by_film = self.ones_by_film.float()
        self.stars_by_film = csr_of_rows(*index, values[order], size)
        self.squares = values.new_zeros(n_users).index_add_(0, rows, values.square())

    def _begin(self, seed: int) -> None:
        """Draw users' latent parts, and set the variances that the first epochs go by."""
        n_users, d, c = len(self.counts), self.d, self.known.shape[1]
        generator = torch.Generator().manual_seed(seed)
        latent = torch.randn(n_users, d, generator=generator, dtype=torch.float64)
        latent *= INITIAL["scale"]
        self.users = torch.cat([latent, latent.new_zeros(n_users, c)], 1)
        # Second moments of the latent part with itself, (d, d), and with the rest, (d, c). Single
        # precision is enough of them, and they are what takes time to move.
        eye = 0.01 * torch.eye(d, dtype=torch.float64)
        own = (latent[:, :, None] * latent[:, None, :] + eye).flatten(1)
        self.moments = torch.cat([own, latent.new_zeros(n_users, d * c)], 1).float()
        self.user_variance = latent.new_full((d + c,), INITIAL["known"])
        self.user_variance[:d], self.user_variance[-1] = INITIAL["factors"], INITIAL["bias"]
        self.film_variance = latent.new_full((d + 1,), INITIAL["film"])
        self.film_variance[-1] = INITIAL["bias"]
        self.side = latent.new_zeros(self.facts.shape[1], d + 1)
        self.noise = INITIAL["noise"]
        self.weights = latent.new_ones(n_users)  # w
        self.user_squares = latent.new_zeros(d + c)  # mean second moment of a user's coordinates

    def films_from_users(self) -> None:
        """Update the posterior of each film's (v, b)."""
        d, c = self.d, self.known.shape[1]
        latent = self.users[:, :d]
        moments = self.singles_by_film @ (self.moments * self.weights[:, None].float())
        sums = self.ones_by_film @ (
            torch.cat([self.users, latent.new_ones(len(latent), 1)], 1) * self.weights[:, None]
        )  # (n_films, d + c + 1)
        design = torch.cat([latent, latent.new_ones(len(latent), 1)], 1) * self.weights[:, None]
        precision = latent.new_empty(len(self.known), d + 1, d + 1)
        precision[:, :d, :d] = moments[:, : d * d].unflatten(1, (d, d))
        precision[:, :d, d] = precision[:, d, :d] = sums[:, :d]
        precision[:, d, d] = sums[:, -1]
        explained = torch.cat(
            [
                torch.einsum(
                    "ndc,nc->nd", moments[:, d * d :].unflatten(1, (d, c)).double(), self.known
                ),
                torch.linalg.vecdot(sums[:, d:-1], self.known)[:, None],
            ],
            1,
        )
        target = (self.stars_by_film @ design - explained) / self.noise
        target += self.facts @ self.side / self.film_variance
        precision = precision / self.noise + torch.diag(1 / self.film_variance)
        self.film_covariance = _inverse(precision)
        self.films = torch.einsum("nij,nj->ni", self.film_covariance, target)  # (n_films, d + 1)

    def users_from_films(self) -> None:
        """Update the posterior of each user's m, how noisy each is, and the noise of all."""
        d = self.d
        latent, biases = self.films[:, :d], self.films[:, d]
        covariance, cross = self.film_covariance[:, :d, :d], self.film_covariance[:, :d, d]
        x = torch.cat([latent, self.known], 1)  # (n_films, d + c)
        moments = torch.cat(
            [
                (latent[:, :, None] * latent[:, None, :] + covariance).flatten(1),
                (latent[:, :, None] * self.known[:, None, :]).flatten(1),
            ],
            1,
        ).float()
        offsets = x * biases[:, None]  # E[b x]
        offsets[:, :d] += cross
        offsets = torch.cat(
            [offsets, (biases.square() + self.film_covariance[:, d, d])[:, None]], 1
        )
        design = torch.cat([x, biases[:, None]], 1)
        fixed = _Fixed(moments, offsets, design)
        found = list(core_workers().map(lambda chunk: self._solve_chunk(chunk, fixed), self.chunks))
        self.user_squares = torch.stack([squares for squares, _ in found]).sum(0)
        total = math.fsum(left for _, left in found)
        scale = float((self.weights * self.counts).sum() / self.counts.sum())
        self.weights /= scale
        self.noise = max(total / scale / float(self.counts.sum()), LEAST_NOISE)

    def _solve_chunk(self, chunk: _Chunk, fixed: _Fixed) -> tuple[Tensor, float]:
        """Update some users; return the sums of their second moments and of weighted squares."""
        d, c, part = self.d, self.known.shape[1], chunk.users
        sums = chunk.singles @ fixed.moments
        gram = self.users.new_empty(part.stop - part.start, d + c, d + c)
        gram[:, :d, :d] = sums[:, : d * d].unflatten(1, (d, d))
        gram[:, :d, d:] = sums[:, d * d :].unflatten(1, (d, c))
        gram[:, d:, :d] = gram[:, :d, d:].mT
        gram[:, d:, d:] = chunk.pairs.unflatten(1, (c, c))
        offset, star = chunk.ones @ fixed.offsets, chunk.stars @ fixed.design
        target = star[:, :-1] - offset[:, :-1]
        squares = self.squares[part] - 2 * star[:, -1] + offset[:, -1]  # of r - mean - b
        weight = (self.weights[part] / self.noise)[:, None]
        posterior = _inverse(gram * weight[:, :, None] + torch.diag(1 / self.user_variance))
        users = torch.einsum("nij,nj->ni", posterior, target * weight)
        second = users[:, :, None] * users[:, None, :] + posterior
        left = squares - 2 * (target * users).sum(1) + (gram * second).sum((1, 2))
        left = left.clamp_min(0)  # of rounding
        self.users[part] = users
        self.moments[part, : d * d] = second[:, :d, :d].flatten(1)
        self.moments[part, d * d :] = second[:, :d, d:].flatten(1)
        self.weights[part] = (self.counts[part] + TYPICAL_RATINGS) / (
            left / self.noise + TYPICAL_RATINGS
        )
        return second.diagonal(dim1=1, dim2=2).sum(0), float((left * self.weights[part]).sum())

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


def _inverse(matrices: Tensor) -> Tensor:
    """Return the inverse of each; `torch.linalg.inv` is slow beyond measure for many on a CPU."""
    return torch.cholesky_inverse(torch.linalg.cholesky(matrices))
