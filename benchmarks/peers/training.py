"""How fast the training is, beside the package implicit (`pip install --group bench`).

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.peers.training [--ratings 32000000]

- Seconds per epoch: 137,000 users x 20,000 films, 5 million positives, 64 factors; epochs of ours
  (two preconditioned steps a side) and of implicit's ALS (its three steps of conjugate gradient)
  take turns on the same cores. Medians, and their ratio.
- Time to quality: ml-latest-small, 20 % of each user's positives held out. implicit's best NDCG@10
  over a grid of factors, regularization, alpha and iterations, picked by the held-out part itself;
  the seconds that its fit took to get there, and those that ours takes to reach as much.
- The command: `recsys train` on ml-latest-small, from its start to its exit, with the server up,
  and the share of it that goes into imports.
- With --ratings: so many synthetic ratings, loaded and trained on; the peak of the memory.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # implicit asks for it

import numpy as np
import torch
from scipy import sparse
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.learning.als import Factorization, Factors
from recsys.learning.likes import Likes
from recsys.learning.tuning import Validation, mean, resolved
from recsys.loading.load import load
from recsys.models.ratings import read_ratings
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.sources import open_source
from recsys.sources.simulated.synthetic import SyntheticSource

N_USERS, N_MOVIES, N_POSITIVES, FACTORS = 137_000, 20_000, 5_000_000, 64
WEIGHTS = Parameters(FACTORS, alpha=0.1, regularization=0.003)
GRID = itertools.product((64, 128), (0.1, 1.0, 10.0, 30.0), (0.5, 1.0, 5.0, 20.0))
ITERATIONS = 20
IMPORTS = "import time; t = time.time(); import recsys.training.train; print(time.time() - t)"
TRAIN = "import sys; from recsys.cli import main; sys.argv[1:] = ['train']; main()"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--ratings", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.ratings:
        measure_memory(arguments.ratings)
        return
    measure_epochs(arguments.rounds)
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        with engine.connect() as connection:
            positives = read_ratings(connection).liked(POSITIVE_STARS)
        measure_quality(positives)
        measure_command(engine, arguments.rounds)


def measure_epochs(rounds: int) -> None:
    users, movies = simulated(np.random.default_rng(0))
    learner = Factorization(
        torch.from_numpy(users), torch.from_numpy(movies), (N_USERS, N_MOVIES), WEIGHTS
    )
    learner.epoch()
    likes = sparse.csr_matrix(
        (np.ones(len(users), np.float32), (users, movies)), shape=(N_USERS, N_MOVIES)
    )
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for _ in range(3):
            ours.append(timed(learner.epoch))
        theirs += [seconds for seconds, _ in implicit_epochs(likes, 3, factors=FACTORS)]
    print(
        f"an epoch of {len(users):,} positives, {N_USERS:,} x {N_MOVIES:,}, {FACTORS} factors: "
        f"{np.median(ours):.2f} s; implicit: {np.median(theirs):.2f} s; "
        f"ratio {np.median(ours) / np.median(theirs):.2f}"
    )


def simulated(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct pairs, ordered by user; activity and popularity follow power laws."""
    activity = generator.zipf(1.5, N_USERS).clip(1, 2000) + generator.exponential(20, N_USERS)
    popularity = 1 / np.arange(1, N_MOVIES + 1) ** 0.8
    drawn = round(1.35 * N_POSITIVES)
    users = generator.choice(N_USERS, drawn, p=activity / activity.sum())
    movies = generator.choice(N_MOVIES, drawn, p=popularity / popularity.sum())
    pairs = np.unique(users * N_MOVIES + movies)
    pairs = np.sort(generator.permutation(pairs)[:N_POSITIVES])
    return pairs // N_MOVIES, pairs % N_MOVIES


def implicit_epochs(
    likes: sparse.csr_matrix, iterations: int, **parameters: float
) -> Iterator[tuple[float, Factors]]:
    """Yield the seconds of each of implicit's iterations, and what it has learned by then."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        iterations=iterations, use_gpu=False, random_state=0, **parameters
    )
    found: list[tuple[float, Factors]] = []

    def keep(_: int, seconds: float, *__: object) -> None:
        vectors = (torch.from_numpy(v.copy()) for v in (model.user_factors, model.item_factors))
        users, items = vectors
        found.append((seconds, Factors(users, items, 0.0)))

    model.fit(likes, show_progress=False, callback=keep)
    yield from found


def measure_quality(positives: Likes) -> None:
    validation = Validation(positives)
    likes = sparse.csr_matrix(
        (np.ones(len(validation.users), np.float32), (validation.users, validation.movies)),
        shape=validation.shape,
    )
    best, best_seconds, best_name = 0.0, 0.0, ""
    for factors, regularization, alpha in GRID:
        spent = 0.0
        for iteration, (seconds, learned) in enumerate(
            implicit_epochs(
                likes, ITERATIONS, factors=factors, regularization=regularization, alpha=alpha
            ),
            1,
        ):
            spent += seconds
            quality = mean(validation.quality(learned))
            if quality > best:
                best, best_seconds = quality, spent
                best_name = f"{factors} factors, {regularization:g}, {alpha:g}, {iteration} it."
    print(f"implicit's best NDCG@10: {best:.4f} after {best_seconds:.2f} s ({best_name})")
    parameters = resolved(
        Likes(validation.user_ids, validation.movie_ids, validation.users, validation.movies),
        Parameters(),
    )
    begun = time.perf_counter()
    learner = validation.learner(parameters, "cpu")
    spent = time.perf_counter() - begun
    for epoch in range(1, parameters.epochs + 1):
        spent += timed(learner.epoch)
        learned = Factors(learner.users[learner.row], learner.items, 0.0)
        if mean(validation.quality(learned)) >= best:
            print(
                f"ours reaches as much after {epoch} epochs, {spent:.2f} s: "
                f"{spent / best_seconds:.2f} of implicit's time"
            )
            return
    print("ours does not reach as much")


def measure_command(engine: Engine, rounds: int) -> None:
    url = engine.url.render_as_string(hide_password=False)
    environment = {**os.environ, "DATABASE_URL": url}
    whole, imports = [], []
    for _ in range(rounds):
        whole.append(timed(lambda: run(TRAIN, environment)))
        imports.append(float(run(IMPORTS, environment)))
    print(
        f"recsys train on ml-latest-small, start to exit: {np.median(whole):.1f} s "
        f"(of which imports {np.median(imports):.1f} s), from {min(whole):.1f} to {max(whole):.1f}"
    )


def run(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def measure_memory(ratings: int) -> None:
    with scratch_database() as engine:
        load(engine, SyntheticSource(users=ratings // 160, movies=80_000, ratings=ratings))
        url = engine.url.render_as_string(hide_password=False)
        seconds = timed(lambda: run(TRAIN, {**os.environ, "DATABASE_URL": url}))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{ratings:,} ratings: recsys train took {seconds:.0f} s and {peak:.1f} GiB at most")


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
