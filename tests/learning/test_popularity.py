"""Decayed counts and the choice of a half-life, against loops and data with a known answer."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Index, Values
from recsys.evaluation.splits import point_in_time
from recsys.learning import popularity
from recsys.learning.popularity import HALF_LIVES, choose_half_life, decayed_counts

DAY = 86_400.0
Pairs = tuple[Index, Index, Values]  # films, users, seconds


@given(
    likes=st.lists(st.tuples(st.integers(0, 4), st.floats(-1e10, 1e10)), max_size=20),
    half_life=st.none() | st.floats(1e-6, 1e12),
    later=st.none() | st.floats(0, 1e10),
)
def test_decayed_counts_are_the_sum_over_the_likes(
    likes: list[tuple[int, float]], half_life: float | None, later: float | None
) -> None:
    newest = max((time for _, time in likes), default=0.0)
    as_of = newest if later is None else newest + later
    expected = [0.0] * 5
    for movie, time in likes:
        expected[movie] += 1.0 if half_life is None else math.pow(2, -(as_of - time) / half_life)
    found = decayed_counts(
        np.array([movie for movie, _ in likes], dtype=np.int64),
        np.array([time for _, time in likes]),
        half_life,
        5,
        None if later is None else as_of,
    )
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_likes_of_very_long_ago_count_nothing_and_are_no_error() -> None:
    with np.errstate(all="raise"):
        found = decayed_counts(np.array([0, 1, 1]), np.array([-1e17, 0.0, 3600.0]), 3600.0, 2)
    assert found.tolist() == [0, 1.5]


def drifting(fashion: float, n: int = 30_000) -> Pairs:
    """400 days of likes; a film is in fashion for so many days, then 19 others come before it."""
    generator = np.random.default_rng(0)
    seconds = generator.random(n) * 400 * DAY
    first = (seconds * 20 // (fashion * DAY)).astype(np.int64)
    movies = (first + generator.integers(0, 20, n)) % 300
    pairs = np.unique(movies * 3000 + generator.integers(0, 3000, n), return_index=True)
    return pairs[0] // 3000, pairs[0] % 3000, seconds[pairs[1]]


def test_the_faster_the_fashion_the_shorter_the_half_life() -> None:
    chosen = [choose_half_life(*drifting(days), 300) or math.inf for days in (10, 50, 1e6)]
    assert chosen[0] < chosen[1] < chosen[2] == math.inf


def without_times(movies: Index, users: Index, seconds: Values) -> Pairs:
    return movies, users, np.zeros_like(seconds)


def by_chance(movies: Index, users: Index, seconds: Values) -> Pairs:
    return movies, users, np.random.default_rng(1).permutation(seconds)


def of_few_users(movies: Index, users: Index, seconds: Values) -> Pairs:
    few = users < 3
    return movies[few], users[few], seconds[few]


def of_none(movies: Index, users: Index, seconds: Values) -> Pairs:
    return movies[:0], users[:0], seconds[:0]


@pytest.mark.parametrize("changed", [without_times, by_chance, of_few_users, of_none])
def test_likes_that_say_nothing_of_time_all_count_alike(
    changed: Callable[[Index, Index, Values], Pairs],
) -> None:
    assert choose_half_life(*drifting(20), 300) is not None
    assert choose_half_life(*changed(*drifting(20)), 300) is None


def test_the_gains_are_those_of_lists_made_user_by_user() -> None:
    movies, users, seconds = drifting(10, n=600)
    order = np.argsort(seconds)
    movies, users, seconds = movies[order], users[order], seconds[order]
    draw = np.random.default_rng(0)
    found = [gain.mean(axis=0) for gain in popularity._gains(movies, users, seconds, 300, draw)]
    for cut, share in enumerate(popularity.CUTS):
        until = seconds[int(share * (len(seconds) - 1))]
        before = seconds <= until
        after = ~before & (seconds <= seconds[int((share + 0.1) * (len(seconds) - 1))])
        for place, half_life in enumerate((*HALF_LIVES, None)):
            counts = decayed_counts(movies[before], seconds[before], half_life, 300, until)
            likes = np.bincount(movies[before], minlength=300)
            best = sorted(range(300), key=lambda film: (-counts[film], -likes[film], film))
            gains = []
            for user in np.unique(users[after]):
                known = set(movies[before & (users == user)].tolist())
                liked = set(movies[after & (users == user)].tolist())
                listed = [film for film in best if film not in known][:10]
                discounts = [1 / math.log2(rank + 2) for rank in range(10)]
                dcg = sum(discounts[rank] for rank, film in enumerate(listed) if film in liked)
                gains.append(dcg / sum(discounts[: len(liked)]))
            assert found[cut][place] == pytest.approx(np.mean(gains), abs=1e-12)


def test_the_order_of_the_likes_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(popularity, "MOST_USERS", 1000)
    likes = drifting(20)
    movies, users, seconds = likes
    shuffled = np.random.default_rng(0).permutation(len(seconds))
    again = movies[shuffled], users[shuffled], seconds[shuffled]
    assert choose_half_life(*likes, 300) == choose_half_life(*again, 300) is not None


def movielens(folder: Path) -> Values:
    return np.loadtxt(folder / "ml-latest-small/ratings.csv", delimiter=",", skiprows=1)


def movietweetings(folder: Path) -> Values:
    lines = (folder / "movietweetings/ratings.dat").read_text().splitlines()
    rows = np.array([[float(field) for field in line.split("::")] for line in lines])
    rows[:, 2] /= 2  # of 10 stars
    return rows


def test_examples() -> None:
    assert doctest.testmod(popularity).failed == 0


@pytest.mark.parametrize(("read", "least", "most"), [(movielens, 120, 730), (movietweetings, 2, 7)])
def test_real_likes(
    data_folder: Path, read: Callable[[Path], Values], least: float, most: float
) -> None:
    """The half-lives that were found best for the fifth of the likes that is left out here."""
    rows = read(data_folder)
    rows = rows[rows[:, 2] >= 4]
    rows = rows[rows[:, 3] <= point_in_time(rows[:, 3].astype(np.int64), 0.2)]
    users, movies = (np.unique(rows[:, column], return_inverse=True)[1] for column in (0, 1))
    chosen = choose_half_life(movies, users, rows[:, 3], movies.max() + 1)
    assert least * DAY < (chosen or math.inf) < most * DAY
