"""What loading and training are told to do, and their defaults; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

# Largest share of a source's rows that may be refused.
MAX_REJECTS = 0.05

# A rating of so many stars or more says that the user likes the film.
POSITIVE_STARS = 4.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the factorization.

    Attributes
    ----------
    factors
        Length of the learned vectors.
    epochs
        Times that both sides are solved.
    alpha
        Weight of every pair, liked or not. None: as `recsys.learning.tuning` says, 20 times the
        share of the pairs that are liked.
    regularization
        Weight of the vectors' squared lengths. None: chosen on a part of the ratings that is held
        out for it.
    seed
        Of the first random vectors.
    steps
        Conjugate gradient steps a solve.
    """

    factors: int = 128
    epochs: int = 16
    alpha: float | None = None
    regularization: float | None = None
    seed: int = 0
    steps: int = 2

    @property
    def weights(self) -> tuple[float, float]:
        """Alpha and regularization, which must have been given or chosen by now."""
        if self.alpha is None or self.regularization is None:
            raise ValueError("alpha and regularization must be given")
        return self.alpha, self.regularization
