"""What a training reads, of one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from recsys.errors import TrainingError
from recsys.learning.likes import Likes
from recsys.learning.ratings import Films, Ratings
from recsys.models.ratings import read_films, read_ratings, time_of
from recsys.training.comparison import Rival, find_rival

LAST_REPLACED = """
select coalesce(max(run_id), 0) from recsys.load_runs
where status = 'done' and details @> '{"replaced": true}'
"""


@dataclass(frozen=True)
class TrainingData:
    """Ratings, films and likes, and what the new model has to be better than.

    Attributes
    ----------
    replaced
        The last load that replaced all films: of any later one, these ratings know nothing.
    """

    ratings: Ratings
    films: Films
    likes: Likes
    threshold: float
    newest: str
    rival: Rival | None
    replaced: int

    @property
    def facts(self) -> dict[str, Any]:
        """What tells one set of ratings from another."""
        return {
            "ratings": len(self.ratings.stars),
            "newest_rating": self.newest,
            "positives": len(self.likes.user_index),
        }


def read(connection: Connection, threshold: float, if_better: str | None = None) -> TrainingData:
    """Read the ratings and the films, and what the new model has to be better than."""
    ratings = read_ratings(connection)
    likes = ratings.liked(threshold)
    if min(likes.shape) < 2:
        raise TrainingError(
            f"{likes.shape[0]} users and {likes.shape[1]} films have ratings of {threshold:g} "
            "stars or more, too few to learn from: load more ratings, or lower --threshold"
        )
    return TrainingData(
        ratings=ratings,
        films=read_films(connection, ratings),
        likes=likes,
        threshold=threshold,
        newest=time_of(connection, int(ratings.rated_at.max())),
        rival=None if if_better is None else find_rival(connection, if_better, ratings),
        replaced=last_replaced(connection),
    )


def last_replaced(connection: Connection) -> int:
    """Return the last load that replaced all films, 0 if there was none."""
    return int(connection.exec_driver_sql(LAST_REPLACED).scalar_one())
