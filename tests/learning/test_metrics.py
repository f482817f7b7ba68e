"""Metrics against hand fractions and scikit-learn."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from recsys.learning import metrics
from recsys.learning.metrics import NO_MOVIE, judge

USERS = np.array([0, 0, 0, 1, 1])
MOVIES = np.array([1, 3, 9, 30, 40])
LISTS = np.array([[1, 2, 3, 4], [20, 30, NO_MOVIE, NO_MOVIE], [1, 2, 3, 4]])


def of(metric: str, k: int) -> list[float]:
    values: list[float] = metrics.ACCURACY[metric](*judge(LISTS, USERS, MOVIES), k).tolist()
    return values


@pytest.mark.parametrize(
    ("metric", "k", "first", "second"),
    [
        # The first user has hits at ranks 1 and 3 of three held out, the second at 2 of two.
        (
            "ndcg",
            3,
            1.5 / (1 + 1 / math.log2(3) + 1 / 2),
            1 / math.log2(3) / (1 + 1 / math.log2(3)),
        ),
        ("ndcg", 1, 1, 0),
        ("recall", 4, 2 / 3, 1 / 2),
        ("recall", 2, 1 / 2, 1 / 2),
        ("precision", 4, 2 / 4, 1 / 4),
        ("map", 4, (1 + 2 / 3) / 3, (1 / 2) / 2),
        ("map", 2, 1 / 2, (1 / 2) / 2),
        ("mrr", 4, 1, 1 / 2),
        ("mrr", 1, 1, 0),
        ("hit_rate", 1, 1, 0),
        ("hit_rate", 2, 1, 1),
    ],
)
def test_accuracy_by_hand(metric: str, k: int, first: float, second: float) -> None:
    assert of(metric, k)[:2] == pytest.approx([first, second])


@pytest.mark.parametrize("metric", metrics.ACCURACY)
def test_an_empty_truth_is_nan(metric: str) -> None:
    assert math.isnan(of(metric, 2)[2])


@pytest.mark.parametrize("metric", metrics.ACCURACY)
def test_no_lists_at_all(metric: str) -> None:
    hits, relevant = judge(np.full((1, 3), NO_MOVIE), np.array([0]), np.array([5]))
    assert metrics.ACCURACY[metric](hits, relevant, 3).tolist() == [0]


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1), st.integers(1, 12))
def test_equals_scikit_learn(ranked: list[int], truth: set[int], k: int) -> None:
    relevance = np.array([[float(film in truth) for film in range(12)]])
    scores = np.empty((1, 12))
    scores[0, ranked] = np.arange(12, 0, -1)
    marks = judge(np.array([ranked]), np.zeros(len(truth), dtype=int), np.array([*truth]))
    assert metrics.ndcg(*marks, k)[0] == pytest.approx(ndcg_score(relevance, scores, k=k))
    assert metrics.average_precision(*marks, 12)[0] == pytest.approx(
        average_precision_score(relevance[0], scores[0])
    )


def test_what_is_recommended_by_hand() -> None:
    lists = np.array([[0, 1], [0, 2], [1, NO_MOVIE]])
    likes = np.array([4.0, 2, 1, 0])
    assert metrics.mean_over_list(likes, lists).tolist() == [3, 2.5, 2]
    assert math.isnan(metrics.mean_over_list(likes, np.array([[NO_MOVIE]]))[0])
    counts = np.bincount(lists[lists != NO_MOVIE], minlength=4)
    assert metrics.coverage(counts) == 3 / 4
    # Films in order of their counts 0, 1, 2, 2: (-3 * 0 - 1 * 1 + 1 * 2 + 3 * 2) / (4 * 5).
    assert metrics.gini(counts) == pytest.approx(7 / 20)


def test_diversity_by_hand() -> None:
    genres = np.array([[1.0, 0], [1, 0], [0, 1], [1, 1], [0, 0]])
    lists = np.array([[0, 1, 2], [0, 3, 4], [0, NO_MOVIE, NO_MOVIE]])
    first, second, third = metrics.diversity(genres, lists)
    assert first == pytest.approx(2 / 3)  # of three pairs, one is alike
    assert second == pytest.approx(1 - 1 / math.sqrt(2))  # a film without genres has no say
    assert math.isnan(third)


def test_examples() -> None:
    assert doctest.testmod(metrics).failed == 0
