"""What an evaluation reads: all ratings, and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index, Mask, Vectors
from recsys.database.copy import read_columns
from recsys.errors import EvaluationError
from recsys.evaluation.scratch import read_catalogue

RATINGS = "select user_id, movie_id, rating, rated_at from recsys.ratings"
NEWEST = "select max(rated_at)::text from recsys.ratings"
MOVIES = "select movie_id from recsys.movies"
GENRES = "select name, genre_id from recsys.genres"
MOVIE_GENRES = "select movie_id, genre_id from recsys.movie_genres"


@dataclass(frozen=True)
class RatingData:
    """All ratings and the catalogue, users and films by dense index.

    Attributes
    ----------
    user_ids, movie_ids
        ``(n_users,)`` with a rating and ``(n_movies,)`` in the catalogue, ascending.
    users, movies, stars, rated_at
        ``(n,)`` each, a rating each; times in microseconds since 2000.
    liked
        ``(n,)`` bool.
    genres
        ``(n_movies, n_genres)`` bool.
    catalogue
        What the films are, as binary COPY.
    """

    user_ids: Index
    movie_ids: Index
    users: Index
    movies: Index
    stars: Vectors
    rated_at: Index
    liked: Mask
    genres: Mask
    genre_names: list[str]
    catalogue: dict[str, bytes]
    newest: str  # rating's time

    def facts(self) -> dict[str, Any]:
        """Return what tells one set of ratings from another."""
        return {
            "ratings": len(self.users),
            "positives": int(self.liked.sum()),
            "users": len(self.user_ids),
            "movies": len(self.movie_ids),
            "newest_rating": self.newest,
        }


def read_data(connection: Connection, threshold: float) -> RatingData:
    """Read ratings and catalogue; all of one snapshot if the transaction is repeatable read."""
    rows = read_columns(
        connection, RATINGS, user_id="i8", movie_id="i8", rating="f4", rated_at="i8"
    )
    if not len(rows["user_id"]):
        raise EvaluationError("there are no ratings to evaluate with: `recsys load` loads some")
    # The same split, whatever order the rows come in.
    order = np.lexsort((rows["movie_id"], rows["user_id"]))
    rows = {name: values[order] for name, values in rows.items()}
    user_ids, users = np.unique(rows["user_id"], return_inverse=True)
    movie_ids = np.sort(read_columns(connection, MOVIES, movie_id="i8")["movie_id"])
    genre_names, genres = _read_genres(connection, movie_ids)
    return RatingData(
        user_ids=user_ids,
        movie_ids=movie_ids,
        users=users,
        movies=np.searchsorted(movie_ids, rows["movie_id"]),
        stars=rows["rating"],
        rated_at=rows["rated_at"],
        liked=rows["rating"] >= np.float32(threshold),
        genres=genres,
        genre_names=genre_names,
        catalogue=read_catalogue(connection),
        newest=connection.exec_driver_sql(NEWEST).scalar_one(),
    )


def _read_genres(connection: Connection, movie_ids: Index) -> tuple[list[str], Mask]:
    """Return the genres' names, and which films have them, ``(n_movies, n_genres)``."""
    named = sorted((name, genre) for name, genre in connection.exec_driver_sql(GENRES))
    column = {genre: place for place, (_, genre) in enumerate(named)}
    listed = read_columns(connection, MOVIE_GENRES, movie_id="i8", genre_id="i8")
    genres = np.zeros((len(movie_ids), len(named)), dtype=bool)
    rows = np.searchsorted(movie_ids, listed["movie_id"])
    genres[rows, [column[genre] for genre in listed["genre_id"].tolist()]] = True
    return [name for name, _ in named], genres
