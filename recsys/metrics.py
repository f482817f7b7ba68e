"""Ranking metrics over lists of recommendations; NumPy alone.

One definition each, with binary relevance. A user without held-out films has no truth to be
measured by: their value is NaN, and means leave it out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np


def ndcg(ranked: Sequence[int], truth: Collection[int], k: int) -> float:
    """Return the normalized discounted cumulative gain of the first k films.

    ``DCG = sum over hits at rank r of 1 / log2(r + 1)``, over the DCG of ``min(|truth|, k)``
    hits in the first ranks (Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR
    Techniques", TOIS 2002).

    Examples
    --------
    >>> round(ndcg([7, 8, 9], {8}, k=3), 4)  # one hit at rank 2: 1 / log2(3)
    0.6309
    """
    if not truth:
        return float("nan")
    relevant = set(truth)
    discounts = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    gain = sum(discounts[place] for place, film in enumerate(ranked[:k]) if film in relevant)
    return float(gain / discounts[: len(relevant)].sum())


def recall(ranked: Sequence[int], truth: Collection[int], k: int) -> float:
    """Return the share of ``min(|truth|, k)`` held-out films among the first k.

    Examples
    --------
    >>> recall([7, 8, 9], {8, 5}, k=3)
    0.5
    """
    if not truth:
        return float("nan")
    relevant = set(truth)
    return len(relevant.intersection(ranked[:k])) / min(len(relevant), k)
