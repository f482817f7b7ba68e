"""Metrics of recommendation lists; NumPy alone, one definition each, with binary relevance.

Lists come as a matrix, a row a user; `judge` marks the hits in it, and the metrics of accuracy
are functions of those marks. Each returns a value a user, so that means, intervals and paired
differences are one step away. A user without held-out films has the value NaN, and
means leave them out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from recsys.arrays import Ids, Mask, Numbers, Values

NO_MOVIE = -1  # in lists that are shorter than others
LONGEST = 1000  # list that is judged


def judge(lists: Ids, users: Ids, movies: Ids) -> tuple[Mask, Ids]:
    """Mark the films of each list that the user turned out to like.

    Parameters
    ----------
    lists
        ``(n_users, k)`` film ids, the best first, `NO_MOVIE` where a list ends early.
    users, movies
        ``(n,)`` each: the held-out pairs; users by their row in `lists`.

    Returns
    -------
    hits, relevant
        ``(n_users, k)`` bool, and ``(n_users,)``, how many films were held out of each user.

    Examples
    --------
    >>> hits, relevant = judge(np.array([[7, 8], [9, 7]]), np.array([0, 0]), np.array([8, 5]))
    >>> hits.tolist(), relevant.tolist()
    ([[False, True], [False, False]], [2, 0])
    """
    _, dense = np.unique(np.concatenate([lists.ravel(), movies]), return_inverse=True)
    listed, held_out = dense[: lists.size].reshape(lists.shape), dense[lists.size :]
    span = dense.max(initial=0) + 1
    pairs = np.arange(len(lists))[:, None] * span + listed  # (n_users, k)
    hits = np.isin(pairs, users * span + held_out) & (lists != NO_MOVIE)
    return hits, np.bincount(users, minlength=len(lists))


def ndcg(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return the normalized discounted cumulative gain of the first k films, ``(n_users,)``.

    ``DCG = sum over hits at rank r of 1 / log2(r + 1)``, over the DCG of ``min(relevant, k)``
    hits in the first ranks (Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR
    Techniques", TOIS 2002).

    Examples
    --------
    >>> ndcg(np.array([[False, True, False]]), np.array([1]), k=3).round(4).tolist()
    [0.6309]
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    ideal = np.concatenate([[0], np.cumsum(discounts)])[np.minimum(relevant, k)]  # (n_users,)
    return _ratio(hits[:, :k] @ discounts[: hits.shape[1]], ideal)


def recall(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return the share of ``min(relevant, k)`` held-out films among the first k, ``(n_users,)``.

    Examples
    --------
    >>> recall(np.array([[False, True, False]]), np.array([2]), k=3).tolist()
    [0.5]
    """
    return _ratio(hits[:, :k].sum(1), np.minimum(relevant, k))


def precision(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return the share of the first k places that are hits, ``(n_users,)``."""
    return _ratio(hits[:, :k].sum(1), np.where(relevant > 0, k, 0))


def average_precision(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return the mean of the precision at each hit, over ``min(relevant, k)``, ``(n_users,)``.

    Its mean over users is MAP@k.
    """
    first = hits[:, :k]
    precisions = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)  # (n_users, k)
    return _ratio((precisions * first).sum(1), np.minimum(relevant, k))


def reciprocal_rank(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return one over the rank of the first hit, 0 without one, ``(n_users,)``; its mean is MRR."""
    first = hits[:, :k]
    gain = np.where(first.any(axis=1), 1 / (first.argmax(axis=1) + 1), 0)
    return np.where(relevant > 0, gain, np.nan)


def hit_rate(hits: Mask, relevant: Ids, k: int) -> Values:
    """Return 1 where one of the first k films is a hit, else 0, ``(n_users,)``."""
    return np.where(relevant > 0, hits[:, :k].any(axis=1).astype(float), np.nan)


ACCURACY: dict[str, Callable[[Mask, Ids, int], Values]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}


def named(metric: str) -> tuple[Callable[[Mask, Ids, int], Values], int]:
    """Return the metric of accuracy and the k of a name such as ``ndcg@10``.

    Raises
    ------
    ValueError
        There is no such metric.
    """
    name, _, k = metric.partition("@")
    if name not in ACCURACY or not k.isdecimal() or not 1 <= int(k) <= LONGEST:
        raise ValueError(
            f"no metric {metric!r}: name one of {', '.join(ACCURACY)}, "
            f"as in ndcg@10 (up to {LONGEST})"
        )
    return ACCURACY[name], int(k)


def mean_over_list(of_movie: Numbers, lists: Ids) -> Values:
    """Return the mean of something over the films of each list, ``(n_users,)``.

    With the number of likes it is the average popularity of what is recommended; with
    ``1 - likes / users`` it is novelty, the expected popularity complement (EPC; Vargas and
    Castells, "Rank and Relevance in Novelty and Diversity Metrics", RecSys 2011).

    Parameters
    ----------
    of_movie
        ``(n_movies,)``.
    lists
        ``(n_users, k)`` places in `of_movie`, or `NO_MOVIE`.
    """
    there = lists != NO_MOVIE
    return _ratio(np.where(there, of_movie[lists], 0).sum(axis=1), there.sum(axis=1))


def mean_stars(lists: Ids, users: Ids, movies: Ids, stars: Numbers) -> Values:
    """Return the mean of the stars that a user gave to films of the list, ``(n_users,)``.

    Films without stars of that user are left out.

    Parameters
    ----------
    lists
        ``(n_users, k)`` film ids, or `NO_MOVIE`.
    users, movies, stars
        ``(n,)`` each: ratings, no pair twice; users by their row in `lists`.

    Examples
    --------
    >>> lists, users, movies = np.array([[7, 8, 9], [7, 8, 9]]), np.array([0, 0, 1]), [9, 7, 5]
    >>> mean_stars(lists, users, np.array(movies), np.array([2.0, 5.0, 4.0])).tolist()
    [3.5, nan]
    """
    span = max(lists.max(initial=0), movies.max(initial=0)) + 1
    rated = users * span + movies
    order = np.argsort(rated)
    pairs = np.arange(len(lists))[:, None] * span + lists  # (n_users, k)
    there = np.isin(pairs, rated) & (lists != NO_MOVIE)
    given = np.zeros(lists.shape)
    given[there] = stars[order][np.searchsorted(rated[order], pairs[there])]
    return _ratio(given.sum(axis=1), there.sum(axis=1))


def diversity(features: Numbers, lists: Ids) -> Values:
    """Return the mean of ``1 - cosine`` over all pairs of films of a list, ``(n_users,)``.

    Intra-list diversity (Ziegler et al., "Improving Recommendation Lists Through Topic
    Diversification", WWW 2005).

    Parameters
    ----------
    features
        ``(n_movies, n_features)``, such as a 1 a genre; films without any are left out.
    lists
        ``(n_users, k)`` places in `features`, or `NO_MOVIE`.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, lengths, out=np.zeros_like(features, dtype=float), where=lengths > 0)
    there = (lists != NO_MOVIE) & (lengths[lists, 0] > 0)  # (n_users, k)
    total = np.where(there[..., None], unit[lists], 0).sum(axis=1)  # (n_users, n_features)
    n = there.sum(axis=1)
    pairs = n * (n - 1) / 2
    alike = (np.square(total).sum(axis=1) - n) / 2  # sum of cosines over pairs
    return _ratio(pairs - alike, pairs)


def coverage(counts: Ids) -> float:
    """Return the share of films that stand in at least one list.

    Parameters
    ----------
    counts
        ``(n_movies,)``, in how many lists each film of the catalogue stands.
    """
    return float((counts > 0).mean())


def gini(counts: Ids) -> float:
    """Return how unevenly the places in lists fall to films: 0 evenly, towards 1 to a single one.

    Examples
    --------
    >>> gini(np.array([0, 0, 0, 4])), gini(np.array([1, 1, 1, 1]))
    (0.75, 0.0)
    """
    ascending, n = np.sort(counts), len(counts)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights @ ascending) / (n * ascending.sum()))


def _ratio(above: Numbers | Ids, below: Numbers | Ids) -> Values:
    """Divide; NaN where nothing is below."""
    values = np.full(above.shape, np.nan)
    np.divide(above, below, out=values, where=below > 0)
    return values
