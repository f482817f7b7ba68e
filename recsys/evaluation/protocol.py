"""How an evaluation measures, and how one seed of it divides the ratings."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from recsys.arrays import Ids, Index, Mask
from recsys.errors import EvaluationError
from recsys.evaluation import splits
from recsys.evaluation.data import RatingData
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN, Parts
from recsys.learning.imports import Score
from recsys.parameters import POSITIVE_STARS

UNUSED = 3  # besides the parts of splits: not trained on, not told, not asked for
LONGEST_CURVE = 50  # films, in curves over the length of the list
PRIORITY = 7  # seed of the draw of users, the same one whatever the split's seed


@dataclass(frozen=True)
class Protocol:
    """How to measure; see docs/evaluation.md.

    Attributes
    ----------
    split
        ``random``, ``time``, ``leave-one-out`` or ``users``.
    seeds
        How many splits are drawn, with the seeds 0, 1, 2 ...
    ks
        Lengths of the lists.
    share
        Held out of each user's likes, of all likes, or of the users; see `splits`.
    threshold
        Stars from which a rated film counts as liked.
    known
        ``liked``: the database has likes only; ``rated``: lower ratings too, whose films then are
        in no list.
    users
        How many are asked at most.
    against
        Another model to compare with.
    vectors, vectors_users, vectors_score
        Files of vectors trained elsewhere, and their score, as `import_vectors` takes them.
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
    vectors: Path | None = None
    vectors_users: Path | None = None
    vectors_score: Score = "dot"

    def __str__(self) -> str:
        seeds = f"0-{self.seeds - 1}" if self.seeds > 1 else "0"
        share = "" if self.split == "leave-one-out" else f" share={self.share:g}"
        return f"{self.split}{share} known={self.known} threshold={self.threshold:g} seeds={seeds}"

    def command(self) -> str:
        """Return the command that measures the same again."""
        plain = Protocol()
        words = ["recsys evaluate", f"--split {self.split}"]
        words += [f"-k {k}" for k in self.ks] if self.ks != plain.ks else []
        words += [
            f"--{one.name.replace('_', '-')} {shlex.quote(str(getattr(self, one.name)))}"
            for one in fields(self)
            if one.name not in ("split", "ks", "baselines")
            and getattr(self, one.name) != getattr(plain, one.name)
        ]
        return " ".join([*words, *([] if self.baselines else ["--no-baselines"])])

    @property
    def longest(self) -> int:
        """Length of the lists that are asked for."""
        return max(*self.ks, LONGEST_CURVE)


def divide(data: RatingData, protocol: Protocol, seed: int) -> Parts:
    """Return the part of each rating: of `splits`, or `UNUSED`.

    Ratings below the threshold are never held out to be found. With ``known="rated"``, the database
    has them as well: in a random split all but the same share as of the likes, in a split by time
    those that are no newer than the training part, those of held-out users after the training.
    """
    liked = data.liked
    of = data.ratings.user_index
    users, times = of[liked], data.ratings.rated_at[liked]
    if not len(users):
        raise EvaluationError(
            f"no rating has {protocol.threshold:g} stars or more: lower --threshold"
        )
    draw: dict[str, Callable[[], Parts]] = {
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
            out = splits.by_random(of[~liked], protocol.share, seed) == HELD_OUT
            parts[np.flatnonzero(~liked)[out]] = UNUSED
        if protocol.split == "time":
            too_new = data.ratings.rated_at > splits.point_in_time(times, protocol.share)
            parts[~liked & too_new] = UNUSED
        parts[~liked & np.isin(of, of[parts == LATER])] = LATER
    if not (parts == HELD_OUT).any():
        raise EvaluationError(_nothing_held_out(protocol, times))
    return parts


def _nothing_held_out(protocol: Protocol, times: Index) -> str:
    if protocol.split == "time" and times.min() == times.max():
        return "all ratings have the same time, so they cannot be split by time: try --split random"
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
    """One seed of a protocol: which users are asked, and what is known, barred and true of them.

    Attributes
    ----------
    parts
        ``(n,)`` int8, of `divide`.
    users
        ``(n_asked,)`` int64: those with something held out, ascending, or a sample of them.
    with_truth
        How many have something held out, asked or not.
    """

    data: RatingData
    parts: Parts
    users: Index
    with_truth: int

    @classmethod
    def of(cls, data: RatingData, protocol: Protocol, seed: int) -> Division:
        """Divide the ratings by `protocol` with one seed."""
        parts = divide(data, protocol, seed)
        users = np.unique(data.ratings.user_index[parts == HELD_OUT])
        chance = np.random.default_rng(PRIORITY).random(len(data.ratings.user_ids))
        asked = np.sort(users[np.argsort(chance[users])][: protocol.users])
        return cls(data, parts, asked, len(users))

    @property
    def training(self) -> Mask:
        """The likes that are trained on."""
        training: Mask = self.data.liked & (self.parts == TRAIN)
        return training

    @property
    def told(self) -> Mask:
        """The ratings that the database has when it is asked."""
        told: Mask = self.parts <= LATER
        return told

    def places_of(self, chosen: Mask) -> Index:
        """Return the places of the chosen ratings that asked users gave."""
        return np.flatnonzero(chosen & np.isin(self.data.ratings.user_index, self.users))

    def rows_of(self, chosen: Mask) -> tuple[Index, Ids]:
        """Return the place among the asked users, and the film, of these ratings."""
        mine = self.data.ratings.part(self.places_of(chosen))
        return np.searchsorted(self.users, mine.user_index), mine.movie_index
