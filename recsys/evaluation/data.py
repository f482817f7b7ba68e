"""What an evaluation reads: all ratings, and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index, Mask, Vectors
from recsys.errors import EvaluationError
from recsys.evaluation.scratch import read_catalogue
from recsys.models.ratings import read_films, read_ratings, time_of


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
    ratings = read_ratings(connection)
    if not len(ratings.stars):
        raise EvaluationError("there are no ratings to evaluate with: `recsys load` loads some")
    films = read_films(connection, ratings)
    return RatingData(
        user_ids=ratings.user_ids,
        movie_ids=ratings.movie_ids,
        users=ratings.user_index,
        movies=ratings.movie_index,
        stars=ratings.stars,
        rated_at=ratings.rated_at,
        liked=ratings.stars >= np.float32(threshold),
        genres=films.genres,
        genre_names=films.genre_names,
        catalogue=read_catalogue(connection),
        newest=time_of(connection, int(ratings.rated_at.max())),
    )
