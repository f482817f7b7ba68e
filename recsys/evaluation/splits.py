"""How an evaluation divides ratings: what trains, what is inserted later, what is held out.

Each split takes the liked pairs as arrays and returns one of TRAIN, LATER and HELD_OUT for each
pair, so that no pair can be in two parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Ids, Index, Mask
from recsys.learning.likes import hold_out

TRAIN, LATER, HELD_OUT = 0, 1, 2

LEAST_LIKES = 5  # of a user who may be held out whole
TOLD = 0.8  # of the likes of such a user, the share that is inserted after the training

Parts = NDArray[np.int8]


def by_random(users: Ids, share: float, seed: int) -> Parts:
    """Hold out ``round(share * n)`` of each user's n pairs, at random.

    Parameters
    ----------
    users
        ``(n,)`` int64, which user each pair belongs to.

    Returns
    -------
    ndarray
        ``(n,)`` int8.

    Examples
    --------
    >>> by_random(np.array([0, 0, 0, 0, 1]), 0.5, seed=0).tolist()
    [0, 0, 2, 2, 0]
    """
    return _parts(hold_out(users, share, seed))


def by_time(rated_at: Index, share: float) -> Parts:
    """Hold out what is newer than one point in time, at most `share` of all pairs.

    Pairs of one moment stay together: the point is the earliest that leaves no more than `share`
    of the pairs after it.

    Examples
    --------
    >>> by_time(np.array([1, 2, 3, 3, 5]), 0.4).tolist()
    [0, 0, 0, 0, 2]
    """
    return _parts(rated_at > point_in_time(rated_at, share))


def point_in_time(rated_at: Index, share: float) -> int:
    """Return the last moment that belongs to the training part of `by_time`."""
    newest = int(share * len(rated_at) + 1e-9)  # the product of 0.07 and 100 is above 7
    return int(np.sort(rated_at)[len(rated_at) - newest - 1])


def newest_of_each(users: Ids, rated_at: Index, seed: int) -> Parts:
    """Hold out each user's newest pair; one of several of that moment is drawn.

    Examples
    --------
    >>> newest_of_each(np.array([0, 0, 1]), np.array([7, 5, 5]), seed=0).tolist()
    [2, 0, 2]
    """
    chance = np.random.default_rng(seed).random(len(users))
    order = np.lexsort((chance, rated_at, users))
    last = np.append(np.diff(users[order]) != 0, True) if len(users) else np.empty(0, bool)
    held_out = np.zeros(len(users), dtype=bool)
    held_out[order[last]] = True
    return _parts(held_out)


def by_user(users: Ids, share: float, seed: int) -> Parts:
    """Hold out `share` of the users that have `LEAST_LIKES` pairs or more.

    None of their pairs trains: `TOLD` of their pairs, drawn at random, comes later, and the rest is
    held out.
    """
    generator = np.random.default_rng(seed)
    eligible = np.flatnonzero(np.bincount(users) >= LEAST_LIKES)
    chosen = generator.choice(eligible, size=round(share * len(eligible)), replace=False)
    parts = _parts(hold_out(users, 1 - TOLD, seed))
    theirs = np.isin(users, chosen)
    parts[theirs & (parts == TRAIN)] = LATER
    parts[~theirs] = TRAIN
    return parts


def _parts(held_out: Mask) -> Parts:
    return np.where(held_out, HELD_OUT, TRAIN).astype(np.int8)
