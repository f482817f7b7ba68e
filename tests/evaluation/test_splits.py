"""Splits: each pair in one part, the right number of them, and the same ones for one seed."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation import splits
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=120)
SHARES = st.floats(0, 0.95)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    users, times = np.array(pairs, dtype=np.int64).T
    return users, times


@given(PAIRS, SHARES, st.integers(0, 5))
def test_random_holds_out_a_share_of_each_user(
    pairs: list[tuple[int, int]], share: float, seed: int
) -> None:
    users, _ = columns(pairs)
    parts = splits.by_random(users, share, seed)
    assert set(parts.tolist()) <= {TRAIN, HELD_OUT}
    for user in set(users.tolist()):
        own = parts[users == user]
        assert (own == HELD_OUT).sum() == np.round(share * len(own))
    assert np.array_equal(parts, splits.by_random(users, share, seed))


@given(PAIRS, SHARES)
def test_nothing_that_trains_is_newer_than_what_is_held_out(
    pairs: list[tuple[int, int]], share: float
) -> None:
    _, times = columns(pairs)
    parts = splits.by_time(times, share)
    old, new = times[parts == TRAIN], times[parts == HELD_OUT]
    assert len(old) + len(new) == len(times)
    assert len(old) > 0
    assert old.max() < new.min(initial=99)
    assert len(new) <= share * len(times) + 1e-6
    if len(np.unique(times)) == len(times):
        assert len(new) == int(share * len(times) + 1e-9)


@given(PAIRS, st.integers(0, 5))
def test_leave_one_out_takes_each_users_newest(pairs: list[tuple[int, int]], seed: int) -> None:
    users, times = columns(pairs)
    parts = splits.newest_of_each(users, times, seed)
    for user in set(users.tolist()):
        own = (users == user) & (parts == HELD_OUT)
        assert own.sum() == 1
        assert times[own] == times[users == user].max()
    assert np.array_equal(parts, splits.newest_of_each(users, times, seed))


def test_the_seed_draws_among_pairs_of_one_moment() -> None:
    users, times = np.zeros(20, dtype=np.int64), np.zeros(20, dtype=np.int64)
    drawn = {int(splits.newest_of_each(users, times, seed).argmax()) for seed in range(10)}
    assert len(drawn) > 3


@given(PAIRS, SHARES, st.integers(0, 5))
def test_held_out_users_train_nothing(
    pairs: list[tuple[int, int]], share: float, seed: int
) -> None:
    users, _ = columns(pairs)
    parts = splits.by_user(users, share, seed)
    eligible = np.flatnonzero(np.bincount(users) >= splits.LEAST_LIKES)
    strangers = np.unique(users[parts != TRAIN])
    assert len(strangers) == round(share * len(eligible))
    assert set(strangers) <= set(eligible)
    for user in strangers:
        own = parts[users == user]
        assert (own == HELD_OUT).sum() == np.round((1 - splits.TOLD) * len(own)) >= 1
        assert (own == LATER).sum() == len(own) - (own == HELD_OUT).sum()
    assert np.array_equal(parts, splits.by_user(users, share, seed))


@pytest.mark.parametrize("split", [splits.by_random, splits.by_user])
def test_other_seeds_draw_others(split: object) -> None:
    assert callable(split)
    users = np.repeat(np.arange(30), 10)
    assert not np.array_equal(split(users, 0.2, 0), split(users, 0.2, 1))


def test_examples() -> None:
    assert doctest.testmod(splits).failed == 0
