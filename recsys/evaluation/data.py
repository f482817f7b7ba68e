"""What an evaluation reads: all ratings, and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Mask
from recsys.errors import EvaluationError
from recsys.evaluation.scratch import read_catalogue
from recsys.learning.ratings import Films, Ratings
from recsys.models.ratings import read_films, read_ratings, time_of


@dataclass(frozen=True)
class RatingData:
    """All ratings and the catalogue.

    Attributes
    ----------
    liked
        ``(n,)``, which ratings say that the user likes the film.
    catalogue
        What the films are, as binary COPY.
    newest
        Time of the newest rating.
    """

    ratings: Ratings
    films: Films
    liked: Mask
    catalogue: dict[str, bytes]
    newest: str

    def facts(self) -> dict[str, Any]:
        """Return what tells one set of ratings from another."""
        return {
            "ratings": len(self.ratings.stars),
            "positives": int(self.liked.sum()),
            "users": len(self.ratings.user_ids),
            "movies": len(self.ratings.movie_ids),
            "newest_rating": self.newest,
        }


def read_data(connection: Connection, threshold: float) -> RatingData:
    """Read ratings and catalogue; all of one snapshot if the transaction is repeatable read."""
    ratings = read_ratings(connection)
    if not len(ratings.stars):
        raise EvaluationError("there are no ratings to evaluate with: `recsys load` loads some")
    return RatingData(
        ratings=ratings,
        films=read_films(connection, ratings),
        liked=ratings.stars >= np.float32(threshold),
        catalogue=read_catalogue(connection),
        newest=time_of(connection, int(ratings.rated_at.max())),
    )
