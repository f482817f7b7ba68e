"""The bundled sample: real films, with plots written for this project, and simulated viewers.

The ratings are of no real person. A seeded generator plants tastes: every viewer is of one of a
few kinds, each fond of some genres and of an era. Films differ in fame, with a long tail, and in
quality; viewers mostly watch what is famous or to their taste, and rate with noise.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pandas as pd

from recsys.arrays import Index, Values
from recsys.sources.batches import Batch

VIEWERS = 1_000
SEED = 20_260_101
FIRST_DAY = pd.Timestamp("2023-01-01", tz="UTC")
DAYS = 3 * 365
FIRST_LAST_COUNT = (12, 110)  # fewest and most ratings of one viewer

# Genres that a kind of viewer seeks, genres it avoids, and the year it likes best.
KINDS: list[tuple[set[str], set[str], int]] = [
    ({"Action", "Adventure", "Sci-Fi"}, {"Romance", "Musical", "Film-Noir"}, 2008),
    ({"Drama", "Romance"}, {"Horror", "Action"}, 1998),
    ({"Crime", "Film-Noir", "Mystery", "Thriller"}, {"Children", "Musical"}, 1965),
    ({"Animation", "Children", "Fantasy", "Musical"}, {"Horror", "Crime", "War"}, 2001),
    ({"Horror", "Thriller", "Mystery"}, {"Children", "Musical", "Romance"}, 1985),
    ({"War", "Western", "Documentary", "Drama"}, {"Fantasy", "Animation"}, 1958),
    ({"Comedy", "Romance", "Musical"}, {"War", "Horror"}, 1990),
]


class SampleSource:
    """The bundled films and their simulated viewers."""

    name = "sample"
    format = "sample"
    id_space = "sample"
    names_films = True
    notice = "The films are real; the viewers and their ratings are simulated."

    @property
    def size(self) -> int:
        """Number of films and ratings."""
        films = read_films()
        return len(films) + len(simulate_ratings(films))

    def batches(self) -> Iterator[Batch]:
        """Yield the films, what belongs to them, and the simulated ratings."""
        films = read_films()
        yield Batch("movies", "films.csv", films, size=len(films))
        yield Batch("movie_genres", "films.csv", _split(films, "genres", "genre"))
        directors = _split(films, "director", "name").assign(role="director")
        yield Batch("movie_people", "films.csv", directors)
        yield Batch(
            "movie_texts", "films.csv", films.rename(columns={"plot": "text"}).assign(kind="plot")
        )
        ratings = simulate_ratings(films)
        yield Batch("ratings", "simulated ratings", ratings, size=len(ratings))


def read_films() -> pd.DataFrame:
    """Read the bundled films: movie_id, title, year, genres, director, plot, line."""
    text = files(__package__).joinpath("films.csv").read_text(encoding="utf-8")
    films = pd.DataFrame(list(csv.DictReader(text.splitlines())))
    films = films.astype({"movie_id": "int64", "year": "int64"})
    return films.assign(line=films.index + 2)


class Tastes(NamedTuple):
    """What was planted: ``liking (viewers, films)`` in stars, ``kind (viewers,)``."""

    liking: Values
    kind: Index


def plant_tastes(films: pd.DataFrame, generator: np.random.Generator) -> Tastes:
    """Draw how much every viewer would like every film, before noise."""
    kind = generator.integers(len(KINDS), size=VIEWERS)
    genre_sets = [set(genres.split("|")) for genres in films["genres"]]
    year = films["year"].to_numpy(dtype=np.float64)
    of_kind = np.array(
        [
            [1.1 * len(genres & sought) - 1.2 * len(genres & avoided) for genres in genre_sets]
            - 0.9 * np.minimum(np.abs(year - best_year) / 30, 2)
            for sought, avoided, best_year in KINDS
        ]
    )
    own = generator.normal(0, 0.35, (VIEWERS, len(films)))
    quality = generator.normal(0, 0.35, len(films))
    generosity = generator.normal(0, 0.3, (VIEWERS, 1))
    return Tastes(3.6 + 0.55 * of_kind[kind] + quality + generosity + own, kind)


def simulate_ratings(films: pd.DataFrame, seed: int = SEED) -> pd.DataFrame:
    """Make the viewers' ratings: line, user_id, movie_id, rating, rated_at (seconds)."""
    generator = np.random.default_rng(seed)
    liking = plant_tastes(films, generator).liking
    fame = -1.1 * np.log1p(generator.permutation(len(films)))  # a long tail
    fewest, most = FIRST_LAST_COUNT
    counts = np.clip(generator.lognormal(3.55, 0.55, VIEWERS), fewest, most).astype(int)
    # Gumbel noise and sorting draws films without replacement, in proportion to exp(appeal).
    appeal = 0.6 * fame + 0.8 * liking + generator.gumbel(size=liking.shape)
    watched = np.argsort(-appeal, axis=1)
    viewer = np.repeat(np.arange(VIEWERS), counts)
    place = np.concatenate([np.arange(count) for count in counts])
    film = watched[viewer, place]
    stars = liking[viewer, film] + generator.normal(0, 0.45, len(film))
    seconds = generator.integers(0, DAYS * 86_400, len(film)) + FIRST_DAY.timestamp()
    return pd.DataFrame(
        {
            "line": np.arange(len(film)) + 1,
            "user_id": viewer + 1,
            "movie_id": films["movie_id"].to_numpy()[film],
            "rating": np.clip(np.round(2 * stars) / 2, 0.5, 5),
            "rated_at": seconds,
        }
    )


def _split(films: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    parts = films[["line", "movie_id"]].assign(**{name: films[column].str.split("|")})
    return parts.explode(name)
