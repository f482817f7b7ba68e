"""The map from content to vectors, alone: planted maps, ridge regression solved film by film."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recsys.arrays import Values
from recsys.learning.content import learn_content


def planted(seed: int, n: int = 400) -> tuple[sparse.csr_array, Values, Values]:
    """Facts, texts of which a quarter is missing, and vectors that are linear in them."""
    generator = np.random.default_rng(seed)
    facts = (generator.random((n, 6)) < 0.3).astype(float)
    text = generator.normal(size=(n, 4))
    none = generator.random(n) < 0.25
    weights = [generator.normal(size=(rows, 3)) for rows in (6, 1, 4, 1)]
    design = [facts, none[:, None], np.where(none[:, None], 0, text), np.ones((n, 1))]
    vectors = np.hstack(design) @ np.vstack(weights)
    text[none] = np.nan
    return sparse.csr_array(facts), text, vectors


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_map_is_found(seed: int) -> None:
    facts, text, vectors = planted(seed)
    learned = learn_content(facts[:300], text[:300], vectors[:300], seed)
    assert learned.penalties == (3, 3)  # there is no noise
    found = learned.vectors(facts[300:], text[300:])
    assert np.square(found - vectors[300:]).sum() < 0.01 * np.square(vectors[300:]).sum()


def test_what_says_nothing_is_shrunk_away() -> None:
    facts, text, _ = planted(0)
    noise = np.random.default_rng(1).normal(size=(400, 3))
    assert learn_content(facts, text, noise, 0).penalties == (100, 100)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 40), with_text=st.booleans())
def test_the_map_is_ridge_regressions(seed: int, n: int, with_text: bool) -> None:
    """Its penalties are those that predict best each film left out, in turn."""
    facts, text, vectors = planted(seed, n)
    vectors = vectors + np.random.default_rng(seed).normal(size=vectors.shape)
    text = text if with_text else text[:, :0]
    learned = learn_content(facts, text, vectors, seed)
    none = np.isnan(text).any(axis=1, keepdims=True)
    design = np.hstack([facts.toarray(), none, np.nan_to_num(text), np.ones((n, 1))])

    def solved(rows: Values, penalties: tuple[float, float]) -> Values:
        weights = np.repeat([*penalties, 0], [7, text.shape[1], 1])
        x, y = design[rows], vectors[rows]
        return np.asarray(np.linalg.solve(x.T @ x + np.diag(weights), x.T @ y))

    def left_out(penalties: tuple[float, float]) -> float:
        each = np.eye(n, dtype=bool)
        misses = [vectors[one] - design[one] @ solved(~one, penalties) for one in each]
        return float(np.square(misses).sum())

    whole = design @ solved(np.ones(n, dtype=bool), learned.penalties)
    assert learned.vectors(facts, text) == pytest.approx(whole, abs=1e-8)
    choices = (3.0, 10.0, 30.0, 100.0)
    others = product(choices, choices if with_text else choices[:1])
    assert left_out(learned.penalties) <= min(map(left_out, others)) * (1 + 1e-9)
