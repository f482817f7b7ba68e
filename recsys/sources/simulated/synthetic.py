"""Simulated films, viewers and ratings of any size, for benchmarks and trials.

`simulation` draws them; here they are cut into blocks and put into batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pandas as pd

from recsys.arrays import Index, Mask
from recsys.errors import SourceError
from recsys.sources.batches import Batch
from recsys.sources.simulated.simulation import (
    Films,
    Ratings,
    activity,
    draw_genres,
    rate,
)

GENRES = (
    *("Action", "Adventure", "Animation", "Children", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical"),
    *("Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
MOST_MOVIES, MOST_USERS = 1_000_000, 50_000_000  # about a gigabyte each
YEARS = (1930, 2016)  # the films are older than the first rating
ROWS_A_BATCH = 500_000
# Ratings drawn at once. Each block has its own random stream, so the rows do not depend on how
# they are put into batches; its arrays fit the processor's cache.
BLOCK = 100_000


class SyntheticSource:
    """Simulated ratings with planted tastes; no real person's data is in it.

    Parameters
    ----------
    users, movies, ratings
        How many, exactly. Every user rates at least one film.
    seed
        The same numbers and seed give the same rows (with one release of NumPy on one machine).

    Raises
    ------
    SourceError
        There cannot be so many or so few ratings.
    """

    name = "synthetic"
    format = "synthetic"
    id_space = "synthetic"
    names_films = True
    notice = "The films, the viewers and their ratings are all simulated."

    def __init__(
        self, users: int = 10_000, movies: int = 5_000, ratings: int = 1_000_000, seed: int = 0
    ) -> None:
        if min(users, movies, ratings) < 1:
            raise SourceError("the numbers of users, movies and ratings must be 1 or more each")
        if movies > MOST_MOVIES or users > MOST_USERS:
            raise SourceError(
                f"{MOST_USERS:,} users and {MOST_MOVIES:,} movies are the most that are simulated"
            )
        if seed < 0:
            raise SourceError(f"the seed must be 0 or more, not {seed}")
        if ratings > users * movies:
            raise SourceError(
                f"{users} users cannot give {ratings} ratings to {movies} movies: "
                f"once each they give {users * movies} at most"
            )
        if ratings < users:
            raise SourceError(
                f"{ratings} ratings do not suffice for {users} users: every user gives at least one"
            )
        self.users, self.movies, self.ratings, self.seed = users, movies, ratings, seed

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self.movies + self.ratings

    def batches(self) -> Iterator[Batch]:
        """Yield the films, their genres, and the ratings by user and film."""
        generator = np.random.default_rng([self.seed, 0])
        genres = draw_genres(self.movies, len(GENRES), generator)
        yield from self._films(genres, generator)
        films = Films.draw(genres, self.ratings, generator)
        counts = activity(self.users, self.movies, self.ratings, generator)
        yield from self._batches_of_ratings(films, counts)

    def _films(self, genres: Mask, generator: np.random.Generator) -> Iterator[Batch]:
        years = YEARS[1] - 1 - generator.beta(1, 3, self.movies) * (YEARS[1] - YEARS[0])
        names = np.array(GENRES, dtype=object)
        for start in range(0, self.movies, ROWS_A_BATCH):
            ids = np.arange(start, min(start + ROWS_A_BATCH, self.movies)) + 1
            titles = [f"Synthetic film {movie_id}" for movie_id in ids]
            year = years[ids - 1].astype(np.int64)
            rows = pd.DataFrame({"line": ids, "movie_id": ids, "title": titles, "year": year})
            yield Batch("movies", "synthetic movies", rows, size=len(rows))
            film, genre = np.nonzero(genres[ids - 1])
            rows = pd.DataFrame(
                {"line": ids[film], "genre": names[genre]},
            )
            yield Batch("movie_genres", "synthetic movies", rows)

    def _batches_of_ratings(self, films: Films, counts: Index) -> Iterator[Batch]:
        parts: list[Ratings] = []
        done = waiting = 0
        for part in self._blocks(films, counts):
            parts.append(part)
            waiting += len(part.movie_id)
            if waiting >= ROWS_A_BATCH or done + waiting == self.ratings:
                rows = pd.DataFrame(
                    {
                        "line": np.arange(done + 1, done + waiting + 1),
                        "user_id": np.concatenate([part.user_id for part in parts]),
                        "movie_id": np.concatenate([part.movie_id for part in parts]),
                        "rating": np.concatenate([part.rating for part in parts]),
                        "rated_at": np.concatenate([part.rated_at for part in parts]),
                    },
                    copy=False,
                )
                parts = []
                done, waiting = done + waiting, 0
                yield Batch("ratings", "synthetic ratings", rows, size=len(rows))

    def _blocks(self, films: Films, counts: Index) -> Iterator[Ratings]:
        ends = counts.cumsum()
        first = 0
        for number in count(1):
            before = ends[first - 1] if first else 0
            end = max(int(np.searchsorted(ends, before + BLOCK, side="right")), first + 1)
            generator = np.random.default_rng([self.seed, number])
            yield rate(films, first, counts[first:end], generator)
            first = end
            if first == self.users:
                return
