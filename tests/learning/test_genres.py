"""The network that predicts genres, alone: planted problems, thresholds by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from recsys.learning.genres import EPOCHS, THRESHOLDS, choose_thresholds, f1_scores, learn_genres
from tests.helpers.examples import examples

Problem = tuple[np.ndarray, np.ndarray]


def linear_problem(n: int = 3000, dimensions: int = 24, genres: int = 5) -> Problem:
    """Unit vectors, and genres that lie beyond a plane each, farther and farther away."""
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(n, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sides = vectors @ generator.normal(size=(dimensions, genres))  # (n, genres)
    planes = np.diag(np.quantile(sides, np.linspace(0.5, 0.9, genres), axis=0))
    return vectors.astype(np.float32), sides > planes


def test_a_planted_problem_is_learned() -> None:
    vectors, labels = linear_problem()
    learned = learn_genres(vectors[:2500], labels[:2500], list("abcde"))
    found = learned.probabilities(vectors[2500:])
    assert found.shape == (500, 5)
    assert f1_score(labels[2500:], found >= learned.thresholds, average="macro") >= 0.9
    # What it says of itself is what films show that it has not seen.
    seen = f1_score(labels[2500:], found >= learned.thresholds, average="micro")
    assert learned.metrics["micro_f1"] == pytest.approx(seen, abs=0.05)


def test_what_is_not_there_is_not_learned() -> None:
    """Genres by chance: the F1 of held-out films is that of naming every genre of all films."""
    generator = np.random.default_rng(0)
    vectors, _ = linear_problem(1200)
    labels = generator.random((1200, 4)) < 0.3
    learned = learn_genres(vectors, labels, list("abcd"))
    assert learned.metrics["micro_f1"] == pytest.approx(2 * 0.3 / 1.3, abs=0.06)


@pytest.mark.slow
def test_same_seed_same_network_and_torch_as_it_was() -> None:
    vectors, labels = linear_problem(400)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    told: list[tuple[str, int, int | None]] = []

    def progress(what: str, done: int, of: int | None = None, note: str = "") -> None:
        told.append((what, done, of))
        assert note.startswith("loss 0.")

    first = learn_genres(vectors, labels, list("abcde"), progress=progress)
    assert told == [("genres", epoch, 2 * EPOCHS) for epoch in range(1, 2 * EPOCHS + 1)]
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    again = learn_genres(vectors, labels, list("abcde"))
    other = learn_genres(vectors, labels, list("abcde"), seed=1)
    for one, two, three in zip(first.layers, again.layers, other.layers, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
        assert not np.array_equal(one[0], three[0])
    assert np.array_equal(first.thresholds, again.thresholds)


def test_the_scale_of_the_inputs_is_in_the_weights() -> None:
    vectors, labels = linear_problem(400)
    learned = learn_genres(vectors, labels, list("abcde"))
    (inner, inner_bias), (outer, outer_bias) = learned.layers
    hidden = np.maximum(vectors.astype(float) @ inner.T + inner_bias, 0)
    expected = 1 / (1 + np.exp(-(hidden @ outer.T + outer_bias)))
    assert learned.probabilities(vectors) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("n", [2, 7, 30])
def test_rare_genres_and_few_films(n: int) -> None:
    """A genre of one film is in one part of the split alone; one is of all, one of none."""
    vectors, labels = linear_problem(n)
    labels[:, 2:] = [False, True, False]
    labels[0, 2] = True
    learned = learn_genres(vectors, labels, list("abcde"))
    assert np.isfinite(learned.probabilities(vectors)).all()
    assert ((learned.thresholds > 0) & (learned.thresholds < 1)).all()
    assert all(0 <= value <= 1 for value in learned.metrics.values())


@settings(max_examples=examples(50), deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), genres=st.integers(1, 4))
def test_thresholds_are_the_best_ones(seed: int, n: int, genres: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.random((n, genres)) < 0.3
    noise = generator.random((n, genres))
    found = (0.6 * noise + 0.4 * labels * generator.random((n, genres))).astype(np.float32)

    def best(truth: np.ndarray, given: np.ndarray) -> float:
        scores = [
            2
            * (truth & (given >= threshold)).sum()
            / max(1, (truth.sum() + (given >= threshold).sum()))
            for threshold in THRESHOLDS
        ]
        return float(THRESHOLDS[int(np.argmax(scores))])

    common = best(labels, found)
    own = [
        best(labels[:, [g]], found[:, [g]]) if labels[:, g].any() else common for g in range(genres)
    ]
    assert choose_thresholds(found, labels) == pytest.approx((np.array(own) + common) / 2)
    there = labels.any(axis=0)
    scores = f1_scores(found >= 0.5, labels)
    micro = f1_score(labels.ravel(), found.ravel() >= 0.5, zero_division=0)
    assert scores["micro_f1"] == pytest.approx(micro)
    macro = [f1_score(labels[:, g], found[:, g] >= 0.5, zero_division=0) for g in range(genres)]
    assert scores["macro_f1"] == pytest.approx(
        np.mean(np.array(macro)[there]) if there.any() else 0
    )
