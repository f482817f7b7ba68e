"""Ratings and films as the ranker sees them, from the tables; and the ranker into them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import Connection

from recsys.database.copy import driver, read_columns, write_columns
from recsys.database.tables import ranker_terms, ranker_units, rankers
from recsys.learning.network import Network, Raters, extended
from recsys.learning.stars import RatingFactors, Ratings, solve_users
from recsys.models.vectors import without_dust

Index = NDArray[np.int64]
Values = NDArray[np.float64]

YEAR = 31_557_600.0  # seconds
YEARS, TIMES = 15.0, 5.0  # years that are one unit: of films, and of when they are rated
FACTS_OF_FILM = 3  # year, popularity, when it is rated: the known coordinates after the genres
TYPICAL_RATINGS = 5.0  # that a user's own facts are drawn towards everybody's by

RATINGS = """
    select user_id, movie_id, rating, date_part('epoch', rated_at) as rated_at
    from recsys.ratings order by user_id, movie_id
"""
FILMS = "select movie_id, coalesce(year, 0) as year from recsys.movies order by movie_id"
GENRES = """
    select g.name, coalesce(string_agg(int8send(mg.movie_id), ''::bytea), '')
    from recsys.genres g left join recsys.movie_genres mg on mg.genre_id = g.genre_id
    group by g.name order by g.name
"""
DIGESTS = """
    select user_id, count(*) as n,
        bit_xor(hashint8extended(movie_id, hashfloat4extended(rating, 0))) as digest
    from recsys.ratings group by user_id order by user_id
"""


@dataclass(frozen=True)
class RatingTable:
    """All ratings and all films.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)`` of those who rated, ``(n_films,)`` of all films, ascending int64.
    ratings
        By dense indexes, ordered by user and film.
    rated_at
        ``(n,)`` float64 seconds since 1970, finite.
    years
        ``(n_films,)`` float64, NaN where unknown.
    genres, genre_names
        ``(n_films, n_genres)`` bool.
    digests
        ``(n_users,)`` int64, the exclusive or of the hashes of each user's films and stars.
    """

    user_ids: Index
    movie_ids: Index
    ratings: Ratings
    rated_at: Values
    years: Values
    genres: NDArray[np.bool_]
    genre_names: list[str]
    digests: Index

    @functools.cached_property
    def typical(self) -> Typical:
        """What is typical of the ratings."""
        stars = self.ratings.stars.numpy()
        rated = np.unique(self.ratings.film_index.numpy())
        years = self.years[rated]
        return Typical(
            year=float(np.nanmean(years)) if np.isfinite(years).any() else 0.0,
            rated_at=float(self.rated_at.mean()),
            variance=float(stars.var()),
            halves=float((stars % 1 > 0).mean()),
            genres=(self.genres / _lengths(self.genres)).mean(axis=0),
        )


@dataclass(frozen=True)
class Typical:
    """Means that films and users are described beside; ``genres (n_genres,)``."""

    year: float
    rated_at: float
    variance: float
    halves: float
    genres: Values


def read_ratings(connection: Connection) -> RatingTable:
    """Read all ratings, all films, their years and genres."""
    rows = read_columns(
        connection, RATINGS, user_id="i8", movie_id="i8", rating="f4", rated_at="f8"
    )
    films = read_columns(connection, FILMS, movie_id="i8", year="i4")
    with driver(connection).cursor(binary=True) as cursor:
        listed = cursor.execute(GENRES).fetchall()
    movie_ids = films["movie_id"]
    genres = np.zeros((len(movie_ids), len(listed)), dtype=bool)
    for column, (_, ids) in enumerate(listed):
        genres[np.searchsorted(movie_ids, np.frombuffer(ids, dtype=">i8")), column] = True
    digests = read_columns(connection, DIGESTS, user_id="i8", n="i8", digest="i8")
    user_ids, user_index = np.unique(rows["user_id"], return_inverse=True)
    finite = rows["rated_at"][np.isfinite(rows["rated_at"])]
    span = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    return RatingTable(
        user_ids=user_ids,
        movie_ids=movie_ids,
        ratings=Ratings(
            torch.from_numpy(user_index),
            torch.from_numpy(np.searchsorted(movie_ids, rows["movie_id"])),
            torch.from_numpy(rows["rating"].astype(np.float64)),
        ),
        rated_at=rows["rated_at"].clip(*span),
        years=np.where(films["year"] > 0, films["year"].astype(np.float64), np.nan),
        genres=genres,
        genre_names=[row[0] for row in listed],
        digests=digests["digest"],
    )


def film_inputs(
    table: RatingTable, ratings: Ratings, rated_at: Values
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``known (n_films, n_known)`` and ``facts (n_films, n_facts)`` of all films.

    Known are the genres, of length 1 a film, less their mean; the year, the number of ratings and
    when these were made. A film's vector is expected from a one, genres, year and its square.
    """
    films, typical = ratings.film_index.numpy(), table.typical
    genres = table.genres / _lengths(table.genres) - typical.genres
    year = np.nan_to_num((table.years - typical.year) / YEARS)[:, None]
    counts = np.bincount(films, minlength=len(table.movie_ids))
    since = np.bincount(films, rated_at - typical.rated_at, minlength=len(counts))
    when = since / (counts + 1) / (TIMES * YEAR)
    known = np.hstack([genres, year, popularity(counts)[:, None], when[:, None]])
    facts = np.hstack([np.ones_like(year), genres, year, year**2])
    return torch.from_numpy(known), torch.from_numpy(facts)


def popularity(counts: Index) -> Values:
    """Return the logarithm of numbers of ratings, about 0 for a film that some have rated."""
    scaled: Values = (np.log1p(counts) - 3) / 1.5
    return scaled


def raters(
    learned: RatingFactors, typical: Typical, ratings: Ratings, rated_at: Values, n_users: int
) -> Raters:
    """Return all users as the ranker sees them; `recsys_internal.find_rater` does the same."""
    users, stars = ratings.user_index.numpy(), ratings.stars.numpy()
    counts = np.bincount(users, minlength=n_users)
    means = np.bincount(users, stars, minlength=n_users) / np.maximum(counts, 1)
    squares = np.bincount(users, (stars - means[users]) ** 2, minlength=n_users)
    halves = np.bincount(users, stars % 1 > 0, minlength=n_users)
    since = np.bincount(users, rated_at - typical.rated_at, minlength=n_users)
    facts = rater_facts(counts, squares, halves, since, typical.variance, typical.halves)
    return Raters(solve_users(learned, ratings, n_users), torch.from_numpy(facts))


def rater_facts(
    counts: Index,
    squares: NDArray[Any],
    halves: NDArray[Any],
    since: NDArray[Any],
    variance: float,
    share: float,
) -> Values:
    """Return ``(n_users, 4)`` facts, drawn towards everybody's variance and share of half stars.

    Parameters
    ----------
    counts, squares, halves, since
        ``(n_users,)`` of each user's ratings: how many, squares of their distances from the mean,
        how many are half stars, and seconds since the mean time of all.
    """
    drawn = counts + TYPICAL_RATINGS
    facts: Values = np.stack(
        [
            np.log1p(counts),
            np.sqrt((squares + TYPICAL_RATINGS * variance) / drawn),
            (halves + TYPICAL_RATINGS * share) / drawn,
            since / (counts + 1) / (TIMES * YEAR),
        ],
        axis=1,
    )
    return facts


@dataclass(frozen=True)
class LearnedRanker:
    """What `recsys.learning.ranker` learns: all that the database needs to predict stars.

    Attributes
    ----------
    candidates, weight
        How many films are put in order, and what a star counts in it.
    metrics
        Of ratings that were held out for the network and the weight.
    """

    factors: RatingFactors
    network: Network
    users: torch.Tensor
    candidates: int
    weight: float
    metrics: dict[str, float]


def write_ranker(
    connection: Connection, model_id: int, ranker: LearnedRanker, table: RatingTable
) -> None:
    """Write the ranker of a model that has just been written."""
    learned, typical = ranker.factors, table.typical
    ridge = (learned.noise / learned.user_variance).numpy()
    connection.execute(
        rankers.insert(),
        {
            "model_id": model_id,
            "mean": learned.mean,
            "ridge": np.append(ridge, 0),
            "mean_year": typical.year,
            "mean_rated_at": datetime.fromtimestamp(typical.rated_at, UTC),
            "oldest_rated_at": datetime.fromtimestamp(float(table.rated_at.min()), UTC),
            "newest_rated_at": datetime.fromtimestamp(float(table.rated_at.max()), UTC),
            "rating_variance": typical.variance,
            "half_share": typical.halves,
            "candidates": ranker.candidates,
            "weight": ranker.weight,
            "metrics": ranker.metrics,
        },
    )
    connection.execute(ranker_units.insert(), _unit_rows(model_id, ranker.network))
    connection.execute(
        ranker_terms.insert(),
        [
            {"model_id": model_id, "term": term, "features": _single(row[None])[0]}
            for term, row in film_terms(learned, table).items()
        ],
    )
    n_films, n_users = len(table.movie_ids), len(table.user_ids)
    write_columns(
        connection,
        "recsys.ranker_films",
        {
            "model_id": np.full(n_films, model_id, dtype=np.int64),
            "movie_id": table.movie_ids,
            "features": _single(extended(learned).numpy()),
            "spread": _single(learned.spread.numpy()),
        },
    )
    write_columns(
        connection,
        "recsys.ranker_users",
        {
            "user_id": table.user_ids,
            "model_id": np.full(n_users, model_id, dtype=np.int64),
            "embedding": _single(np.pad(ranker.users.numpy(), ((0, 0), (0, 1)))),
            "rating_count": np.bincount(table.ratings.user_index.numpy(), minlength=n_users),
            "rating_digest": table.digests,
        },
    )
    for name in ("ranker_films", "ranker_users", "ranker_units"):
        connection.exec_driver_sql(f"analyze recsys.{name}")


def film_terms(learned: RatingFactors, table: RatingTable) -> dict[str, Values]:
    """Return what the features of a film without any are the sum of; see the table ranker_terms."""
    n_genres, n_factors = len(table.genre_names), learned.spread.shape[1]
    side = learned.side.numpy()  # one, genres, year, its square: the facts of film_inputs

    def features(fact: Values, known: Values, constant: float) -> Values:
        row: Values = np.concatenate([fact[:-1], known, [constant], fact[-1:]])
        return row

    none = np.zeros(n_genres + FACTS_OF_FILM)
    mean = table.typical.genres
    base = none.copy()
    base[:n_genres] = -mean
    base[n_genres + 1] = popularity(np.zeros(1, dtype=np.int64))[0]
    of_year = none.copy()
    of_year[n_genres] = 1
    terms = {
        "base": features(side[0] - mean @ side[1 : 1 + n_genres], base, 1.0),
        "year": features(side[1 + n_genres], of_year, 0.0) / YEARS,
        "year_squared": features(side[2 + n_genres], none, 0.0) / YEARS**2,
    }
    for place, name in enumerate(table.genre_names):
        terms[f"genre:{name}"] = features(side[1 + place], np.eye(1, len(none), place)[0], 0.0)
    assert all(len(row) == n_factors + len(none) + 2 for row in terms.values())
    return terms


def _unit_rows(model_id: int, network: Network) -> list[dict[str, Any]]:
    units = network.units()
    columns = {
        "weights": _single(units.by_film.numpy()),
        "pair_weights": _single(units.by_pair.numpy()),
        "user_weights": _single(units.by_user.numpy()),
    }
    rows = []
    for layer, biases in enumerate(units.biases, start=1):
        of_layer: dict[str, Any] = (
            columns if layer == 1 else {"weights": _single(units.weights[layer - 2].numpy())}
        )
        for unit, bias in enumerate(biases.tolist()):
            row = {"model_id": model_id, "layer": layer, "unit": unit + 1, "bias": bias}
            row |= dict.fromkeys(columns)
            rows.append(row | {name: values[unit] for name, values in of_layer.items()})
    return rows


def _single(rows: Values) -> NDArray[np.float32]:
    """Return rows as the database holds them, without what would underflow."""
    return without_dust(rows.astype(np.float32), negligible=0.0)


def _lengths(genres: NDArray[np.bool_]) -> Values:
    lengths: Values = np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
    return lengths
