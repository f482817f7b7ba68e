"""What is popular now: likes that count less with age, and how fast, chosen on later likes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from recsys.arrays import Ids, Index, Numbers, Values
from recsys.learning.metrics import ndcg

HALF_LIVES = tuple(3600.0 * 2.0**doublings for doublings in range(19))  # an hour to 30 years
CUTS = (0.5, 0.6, 0.7, 0.8, 0.9)
K = 10
MOST_USERS = 2000  # a cut, whose later likes are looked at
LEAST_USERS = 20  # over all cuts
DOUBT = 2.0  # standard errors of a difference that may be chance
OLDEST = 1000.0  # half-lives, after which a like counts nothing


def decayed_counts(
    movie_index: Ids,
    seconds: Numbers,
    half_life: float | None,
    n_movies: int,
    as_of: float | None = None,
) -> Values:
    """Return each film's likes, a like counting ``2 ** (-age / half_life)``, ``(n_movies,)``.

    Parameters
    ----------
    movie_index, seconds
        ``(n,)`` each: the likes, and when they were given.
    half_life
        In seconds; with None all likes count 1.
    as_of
        The time at which a like has no age, in seconds; by default the newest like's.

    Examples
    --------
    >>> decayed_counts(np.array([0, 0, 2]), np.array([0.0, 20.0, 10.0]), 10.0, 3).tolist()
    [1.25, 0.0, 0.5]
    """
    weights = None
    if half_life is not None and len(seconds):
        age = (seconds.max() if as_of is None else as_of) - seconds
        # As recsys_internal.like_weight: a like of a thousand half-lives ago counts nothing.
        halvings = np.minimum(age / half_life, OLDEST)
        weights = np.where(halvings < OLDEST, np.exp2(-halvings), 0.0)
    return np.bincount(movie_index, weights, minlength=n_movies).astype(np.float64)


def choose_half_life(
    movie_index: Ids, user_index: Ids, seconds: Numbers, n_movies: int, seed: int = 0
) -> float | None:
    """Return the half-life in seconds that ranks films best for what is liked later.

    At each of `CUTS`, quantiles of the times, all films are ranked by the likes until then, and
    NDCG@10 is that of the likes from there to the next cut: the mean over the users who have any,
    without the films that they liked before. Compared are the means over the cuts.

    Parameters
    ----------
    movie_index, user_index, seconds
        ``(n,)`` each: the likes, no pair twice, and when they were given.
    seed
        Of the draw of `MOST_USERS` users, where more like something after a cut.

    Returns
    -------
    float or None
        The longest of `HALF_LIVES` that is not worse than the best by more than `DOUBT` standard
        errors of their difference. None, all likes counting alike, is longer than any of them: it
        comes without times, with too few users, and where nothing goes out of fashion.
    """
    order = np.argsort(seconds, kind="stable")
    likes = movie_index[order], user_index[order], seconds[order]
    gains = list(_gains(*likes, n_movies, np.random.default_rng(seed)))
    if sum(map(len, gains)) < LEAST_USERS:
        return None
    mean = np.stack([gain.mean(axis=0) for gain in gains]).mean(axis=0)  # (n_half_lives + 1,)
    worse = [gain[:, [mean.argmax()]] - gain for gain in gains]
    variance = np.sum([one.var(axis=0) / len(one) for one in worse], axis=0) / len(gains) ** 2
    chosen = int(np.flatnonzero(mean >= mean.max() - DOUBT * np.sqrt(variance))[-1])
    return (*HALF_LIVES, None)[chosen]


def _gains(
    movies: Ids, users: Ids, times: Numbers, n_movies: int, generator: np.random.Generator
) -> Iterator[Values]:
    """Yield each cut's NDCG, ``(n_users, n_half_lives + 1)``, that of all likes alike at the end.

    The likes are in order of time. Each is counted once: the counts as of a cut are those of
    the cut before, decayed, and the likes between them.
    """
    cuts = np.quantile(times, CUTS, method="lower") if len(times) else times
    ends = np.unique(np.searchsorted(times, cuts, side="right"))
    counts = np.zeros((len(HALF_LIVES) + 1, n_movies))
    start, before = 0, 0.0
    ends = np.append(ends[ends < len(times)], len(times))
    for end, until in pairwise(ends):
        now, new = float(times[end - 1]), slice(start, end)
        for count, half_life in zip(counts, (*HALF_LIVES, None), strict=True):
            if half_life is not None and start:
                count *= np.exp2((before - now) / half_life)
            count += decayed_counts(movies[new], times[new], half_life, n_movies, now)
        start, before = int(end), now
        asked = np.flatnonzero(np.bincount(users[end:until]))
        if len(asked) > MOST_USERS:
            asked = np.sort(generator.choice(asked, MOST_USERS, replace=False))
        theirs = np.flatnonzero(np.isin(users[:until], asked))
        rows, late = np.searchsorted(asked, users[theirs]), theirs >= end
        gain = np.empty((len(asked), len(counts)))
        rank = np.empty(n_movies, dtype=np.int64)
        for place, count in enumerate(counts):
            # Of films that count as little as one another, those with more likes come first.
            rank[np.lexsort((-counts[-1], -count))] = np.arange(n_movies)
            ranks = rank[movies[theirs]]
            gain[:, place] = _ndcg(rows[~late], ranks[~late], rows[late], ranks[late], n_movies)
        yield gain


def _ndcg(
    known_rows: Index, known_ranks: Index, rows: Index, ranks: Index, n_movies: int
) -> Values:
    """Return NDCG of each user's list of all films by rank, from 0, without the known ones."""
    known = np.sort(known_rows * n_movies + known_ranks)
    first = rows * n_movies
    place = ranks - (np.searchsorted(known, first + ranks) - np.searchsorted(known, first))
    relevant = np.bincount(rows)
    hits = np.zeros((len(relevant), K), dtype=bool)
    hits[rows[place < K], place[place < K]] = True
    return ndcg(hits, relevant, K)
