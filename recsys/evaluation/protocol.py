"""What an evaluation reads, and how one seed of a protocol divides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from recsys.database.copy import read_columns
from recsys.errors import EvaluationError
from recsys.evaluation import splits
from recsys.evaluation.scratch import read_catalogue
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.parameters import POSITIVE_STARS

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

UNUSED = 3  # beside the parts of splits: neither trained on nor told nor asked for
LONGEST_CURVE = 50  # films, in curves over the length of the list
PRIORITY = 7  # seed of the draw of users, the same one whatever the split's seed
RATINGS = "select user_id, movie_id, rating, rated_at from recsys.ratings"
NEWEST = "select max(rated_at)::text from recsys.ratings"
MOVIES = "select movie_id from recsys.movies"
GENRES = "select movie_id, genre_id from recsys.movie_genres"


@dataclass(frozen=True)
class Protocol:
    """How to measure; see docs/evaluation.md.

    Attributes
    ----------
    split
        ``random``, ``time``, ``leave-one-out`` or ``users``.
    seeds
        So many splits are drawn, with the seeds 0, 1, 2 ...
    ks
        Lengths of the lists.
    share
        Held out of each user's likes, of all likes, or of the users; see `splits`.
    threshold
        Stars from which a rated film counts as liked.
    known
        ``liked``: the database holds likes alone; ``rated``: lower ratings too, which bars their
        films from the lists.
    users
        At most so many are asked.
    against
        Another model to compare with.
    """

    split: str = "random"
    seeds: int = 1
    ks: tuple[int, ...] = (10, 20)
    share: float = 0.2
    threshold: float = POSITIVE_STARS
    known: str = "liked"
    users: int = 5000
    baselines: bool = True
    against: int | None = None

    def __str__(self) -> str:
        seeds = f"0-{self.seeds - 1}" if self.seeds > 1 else "0"
        share = "" if self.split == "leave-one-out" else f" share={self.share:g}"
        return f"{self.split}{share} known={self.known} threshold={self.threshold:g} seeds={seeds}"

    @property
    def longest(self) -> int:
        """Length of the lists that are asked for."""
        return max(*self.ks, LONGEST_CURVE)


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
    stars: NDArray[np.float32]
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
    # Of whatever order the rows come in, the same split.
    order = np.lexsort((rows["movie_id"], rows["user_id"]))
    rows = {name: values[order] for name, values in rows.items()}
    user_ids, users = np.unique(rows["user_id"], return_inverse=True)
    movie_ids = np.sort(read_columns(connection, MOVIES, movie_id="i8")["movie_id"])
    listed = read_columns(connection, GENRES, movie_id="i8", genre_id="i8")
    named = connection.exec_driver_sql("select genre_id, name from recsys.genres")
    names: dict[int, str] = {row[0]: row[1] for row in named}
    genre_ids = np.array(sorted(names, key=lambda one: names[one]), dtype=np.int64)
    genres = np.zeros((len(movie_ids), len(genre_ids)), dtype=bool)
    column = {int(genre): place for place, genre in enumerate(genre_ids)}
    genres[
        np.searchsorted(movie_ids, listed["movie_id"]),
        [column[genre] for genre in listed["genre_id"].tolist()],
    ] = True
    return RatingData(
        user_ids=user_ids,
        movie_ids=movie_ids,
        users=users,
        movies=np.searchsorted(movie_ids, rows["movie_id"]),
        stars=rows["rating"],
        rated_at=rows["rated_at"],
        liked=rows["rating"] >= np.float32(threshold),
        genres=genres,
        genre_names=[names[genre] for genre in genre_ids.tolist()],
        catalogue=read_catalogue(connection),
        newest=connection.exec_driver_sql(NEWEST).scalar_one(),
    )


def divide(data: RatingData, protocol: Protocol, seed: int) -> NDArray[np.int8]:
    """Return the part of each rating: of `splits`, or `UNUSED`.

    Ratings below the threshold are nobody's truth. Where they are known, they stand beside what is
    liked: in a random split less as large a share as of that, in a split by time only those that
    are no newer, of held-out users after the training.
    """
    liked = data.liked
    users, times = data.users[liked], data.rated_at[liked]
    if not len(users):
        raise EvaluationError(
            f"no rating has {protocol.threshold:g} stars or more: lower --threshold"
        )
    draw: dict[str, Callable[[], splits.Parts]] = {
        "random": lambda: splits.by_random(users, protocol.share, seed),
        "time": lambda: splits.by_time(times, protocol.share),
        "leave-one-out": lambda: splits.newest_of_each(users, times, seed),
        "users": lambda: splits.by_user(users, protocol.share, seed),
    }
    parts = np.full(len(liked), UNUSED, dtype=np.int8)
    parts[liked] = draw[protocol.split]()
    if protocol.known == "rated":
        parts[~liked] = TRAIN
        if protocol.split == "random":  # as large a share of them as of the likes
            out = splits.by_random(data.users[~liked], protocol.share, seed) == HELD_OUT
            parts[np.flatnonzero(~liked)[out]] = UNUSED
        if protocol.split == "time":
            too_new = data.rated_at > splits.point_in_time(times, protocol.share)
            parts[~liked & too_new] = UNUSED
        parts[~liked & np.isin(data.users, data.users[parts == LATER])] = LATER
    if not (parts == HELD_OUT).any():
        raise EvaluationError(_nothing_held_out(protocol, times))
    return parts


def _nothing_held_out(protocol: Protocol, times: Index) -> str:
    if protocol.split == "time" and times.min() == times.max():
        return "all ratings bear one time, so they cannot be split by time: try --split random"
    what = (
        f"users with {splits.LEAST_LIKES} ratings of {protocol.threshold:g} stars or more"
        if protocol.split == "users"
        else f"ratings of {protocol.threshold:g} stars or more"
    )
    return (
        f"there are too few {what} to hold out a share of {protocol.share:g}: load more ratings, "
        "raise --share, or lower --threshold"
    )


@dataclass(frozen=True)
class Division:
    """One seed of a protocol: who is asked, and what is known, barred and true of them.

    Attributes
    ----------
    parts
        ``(n,)`` int8, of `divide`.
    users
        ``(n_asked,)`` int64: those with something held out, ascending, or a sample of them.
    with_truth
        How many have something held out, whether asked or not.
    """

    seed: int
    parts: NDArray[np.int8]
    users: Index
    with_truth: int

    @classmethod
    def of(cls, data: RatingData, protocol: Protocol, seed: int) -> Division:
        """Divide the ratings by `protocol` with one seed."""
        parts = divide(data, protocol, seed)
        users = np.unique(data.users[parts == HELD_OUT])
        chance = np.random.default_rng(PRIORITY).random(len(data.user_ids))
        asked = np.sort(users[np.argsort(chance[users])][: protocol.users])
        return cls(seed, parts, asked, len(users))

    def places_of(self, data: RatingData, chosen: Mask) -> Index:
        """Return the places of those chosen ratings that are the asked users'."""
        return np.flatnonzero(chosen & np.isin(data.users, self.users))

    def rows_of(self, data: RatingData, chosen: Mask) -> tuple[Index, Index]:
        """Return place among the asked users, and film, of those ratings."""
        mine = self.places_of(data, chosen)
        return np.searchsorted(self.users, data.users[mine]), data.movies[mine]
