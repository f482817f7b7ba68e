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
        Weight of every pair, liked or not.
    regularization
        Weight of the vectors' squared lengths.
    seed
        Of the first random vectors.
    steps
        Conjugate gradient steps a solve.
    """

    factors: int = 128
    epochs: int = 16
    alpha: float = 0.3
    regularization: float = 0.01
    seed: int = 0
    steps: int = 2
