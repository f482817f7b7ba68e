"""An epoch of the training by one process and by several, 5 million likes, 137,000 x 20,000.

OMP_NUM_THREADS=1 python -m benchmarks.speed.divided
OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m benchmarks.speed.divided
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.peers.training import N_MOVIES, N_USERS, WEIGHTS, simulated
from recsys.learning.als import fit
from recsys.learning.divided import assist, fit_divided
from recsys.learning.processes import joined, several

EPOCHS = 5


def main() -> None:
    with joined() as process:
        if process:
            assist()
            return
        users, movies = map(torch.from_numpy, simulated(np.random.default_rng(0)))
        times: list[tuple[float, float]] = []
        (fit_divided if several() else fit)(
            *(users, movies, (N_USERS, N_MOVIES), replace(WEIGHTS, epochs=EPOCHS)),
            progress=lambda *_: times.append((time.monotonic(), time.process_time())),
        )
    whole, own = (np.subtract(times[-1], times[0]) / (EPOCHS - 1)).tolist()
    print(f"{whole:.2f} s an epoch of {len(users):,} likes, {own:.2f} s of this process's core")


if __name__ == "__main__":
    main()
