"""From what films are to the vectors that a training would have learned: ridge regression.

A film's content is the facts about it (a genre, its years, a keyword, a director) and its text as a
vector. Its vector is predicted as ``intercept + sum of its facts' rows + text @ W``, with one row
for films without a text in place of ``text @ W``: linear, so that the database computes it for any
new film. Facts and texts are on different scales and so have a penalty each, those with the least
error for films left out one by one, which ridge regression tells without learning again (Allen,
"The Relationship between Variable Selection and Data Augmentation", 1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import linalg, sparse

from recsys.arrays import Numbers, Values

# scikit-learn's RidgeCV has one penalty for all columns, and leaves out all films in turn.
PENALTIES = (3.0, 10.0, 30.0, 100.0)
MOST_LEFT_OUT = 1000  # films that choose the penalties: more change nothing


@dataclass(frozen=True)
class ContentMap:
    """From content to the space of the film vectors.

    Attributes
    ----------
    facts
        ``(n_facts, factors)``.
    text
        ``(dimensions, factors)``.
    no_text
        ``(factors,)``, for a film without a text.
    intercept
        ``(factors,)``.
    penalties
        Of facts and of texts.
    """

    facts: Values
    text: Values
    no_text: Values
    intercept: Values
    penalties: tuple[float, float]

    def vectors(self, features: sparse.csr_array, text: Numbers) -> Values:
        """Return the vectors ``(n, factors)`` of films; see `learn_content`."""
        others = np.vstack([self.no_text, self.text, self.intercept])
        vectors: Values = features @ self.facts + _others(text) @ others
        return vectors


def learn_content(
    features: sparse.csr_array, text: Numbers, targets: Numbers, seed: int
) -> ContentMap:
    """Learn the map from films whose vectors are known.

    Parameters
    ----------
    features
        ``(n, n_facts)``, 1 where the fact is true of the film.
    text
        ``(n, dimensions)``, rows of NaN for films without a text.
    targets
        ``(n, factors)``: learned vectors; zeros for films with ratings that no user liked.
    seed
        Of the draw of the films that choose the penalties.
    """
    others = _others(text)  # (n, dimensions + 2)
    exact = targets.astype(np.float64)
    shared = features.T @ others  # (n_facts, dimensions + 2)
    gram = np.block([[(features.T @ features).toarray(), shared], [shared.T, others.T @ others]])
    moments = np.vstack([features.T @ exact, others.T @ exact])  # (n_columns, factors)
    n_films, n_facts = features.shape
    chosen = np.random.default_rng(seed).permutation(n_films)[:MOST_LEFT_OUT]
    left_out = np.hstack([features[chosen].toarray(), others[chosen]])  # (n_left_out, n_columns)
    truth = exact[chosen]

    def solve(penalties: tuple[float, float], right: Values) -> Values:
        weights = np.repeat([*penalties, 0.0], [n_facts + 1, text.shape[1], 1])
        return np.asarray(linalg.solve(gram + np.diag(weights), right, assume_a="pos"))

    def error(penalties: tuple[float, float]) -> float:
        solved = solve(penalties, left_out.T)  # (n_columns, n_left_out)
        leverage = (left_out.T * solved).sum(axis=0)  # (n_left_out,)
        residual = truth - solved.T @ moments
        return float(np.square(residual / (1 - leverage)[:, None].clip(1e-9)).sum())

    best = min(product(PENALTIES, PENALTIES if text.shape[1] else PENALTIES[:1]), key=error)
    rows = solve(best, moments)
    return ContentMap(
        facts=rows[:n_facts],
        text=rows[n_facts + 1 : -1],
        no_text=rows[n_facts],
        intercept=rows[-1],
        penalties=best,
    )


def _others(text: Numbers) -> Values:
    """Return whether there is no text, the text, and a one: ``(n, dimensions + 2)``."""
    # Without dimensions there is no encoder: then no film counts as without a text.
    none = np.isnan(text).any(axis=1, keepdims=True)  # (n, 1)
    return np.hstack([none, np.where(none, 0, text), np.ones((len(text), 1))])
