"""Weights and vectors of the terms of texts, learned from these texts alone.

A term's weight is its inverse document frequency, its vector that of latent semantic analysis
(Deerwester, Dumais, Furnas, Landauer, Harshman, "Indexing by Latent Semantic Analysis", 1990): its
row of V in the truncated singular value decomposition ``X = U S V'`` of the TF-IDF matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.extmath import randomized_svd

from recsys.arrays import Index, Values, Vectors

DIMENSIONS = 256
LEAST_TEXTS = 2  # with a term, for it to have a vector
NEGLIGIBLE = 1e-6  # of the largest singular value
SEED, ITERATIONS = 0, 4  # of the randomized decomposition (Halko, Martinsson, Tropp 2011)


class TermVectors(NamedTuple):
    """Vectors ``(n, dimensions)`` of some columns ``(n,)`` of the matrix, ascending."""

    columns: Index
    vectors: Vectors


def weigh(films: Index, terms: Index, frequencies: Values, texts: int) -> sparse.csr_array:
    """Return the TF-IDF matrix, ``(n_films, n_terms)``, its rows of length 1.

    Parameters
    ----------
    films, terms, frequencies
        ``(n,)``: row, column, and ``1 + ln`` of how often the text has the term.
    texts
        Number of films with a text, with words in it or without.
    """
    # Films without a word are rows, too, while terms are weighed: they are texts without them.
    shape = texts, terms.max(initial=0) + 1
    counts = sparse.csr_array((frequencies, (films, terms)), shape=shape)
    n_films = films.max(initial=-1) + 1
    weighed: sparse.csr_array = TfidfTransformer().fit_transform(counts)[:n_films]
    return weighed


def term_vectors(weighed: sparse.csr_array, dimensions: int = DIMENSIONS) -> TermVectors:
    """Return the right singular vectors of a TF-IDF matrix ``(n_films, n_terms)``, a row a term.

    Terms that are in fewer than `LEAST_TEXTS` rows have none.
    """
    columns = np.flatnonzero(weighed.count_nonzero(axis=0) >= LEAST_TEXTS)
    matrix = weighed[:, columns].astype(np.float32)
    if min(matrix.shape) < 2:
        return TermVectors(columns[:0], np.zeros((0, 1), dtype=np.float32))
    _, sizes, learned = randomized_svd(matrix, dimensions, n_iter=ITERATIONS, random_state=SEED)
    return TermVectors(columns, learned[sizes > NEGLIGIBLE * sizes[0]].T)
