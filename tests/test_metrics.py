"""Metrics against hand fractions and scikit-learn."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsys import metrics
from sklearn.metrics import ndcg_score


def test_ndcg_by_hand() -> None:
    # Hits at ranks 1 and 3 of two held out: (1 + 1/2) / (1 + 1/log2(3)).
    assert metrics.ndcg([1, 2, 3], {1, 3}, k=3) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    # More held out than places: the best list is all hits.
    assert metrics.ndcg([1, 2], {1, 2, 3, 4}, k=2) == pytest.approx(1)
    assert metrics.ndcg([9, 8], {1}, k=2) == 0


def test_recall_by_hand() -> None:
    assert metrics.recall([1, 2, 3, 4], {1, 4, 9}, k=4) == pytest.approx(2 / 3)
    assert metrics.recall([1, 2], {1, 2, 3, 4}, k=2) == 1


def test_an_empty_truth_is_nan() -> None:
    assert math.isnan(metrics.ndcg([1], set(), k=1))
    assert math.isnan(metrics.recall([1], set(), k=1))


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=1), st.integers(1, 12))
def test_ndcg_equals_scikit_learn(ranked: list[int], truth: set[int], k: int) -> None:
    relevance = np.array([[float(film in truth) for film in range(12)]])
    scores = np.empty((1, 12))
    scores[0, ranked] = np.arange(12, 0, -1)
    assert metrics.ndcg(ranked, truth, k) == pytest.approx(ndcg_score(relevance, scores, k=k))


def test_examples() -> None:
    assert doctest.testmod(metrics).failed == 0
