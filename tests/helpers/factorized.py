"""A factorization that processes started by torchrun make together, into a file.

torchrun --nproc-per-node 2 -m tests.helpers.factorized FILE [begin]
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from recsys.learning.divided import assist, fit_divided
from recsys.learning.processes import joined
from recsys.parameters import Parameters

SHAPE = 90, 40
PARAMETERS = Parameters(8, epochs=6, alpha=0.3, regularization=0.01)


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = np.nonzero(np.random.default_rng(5).random(SHAPE) < 0.2)
    return torch.from_numpy(rows), torch.from_numpy(columns)


def begin_at() -> torch.Tensor:
    """Films' vectors, of which one is not known."""
    items = torch.randn(SHAPE[1], 8, generator=torch.Generator().manual_seed(2))
    items[3] = torch.nan
    return items


def main() -> None:
    path, *begin = sys.argv[1:]
    with joined() as process:
        if process:
            assist()
            return
        learned = fit_divided(*pairs(), SHAPE, PARAMETERS, begin_at=begin_at() if begin else None)
        torch.save(tuple(learned), path)


if __name__ == "__main__":
    main()
