"""Sparse matrices of torch."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor


def csr(offsets: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return a sparse matrix; row i has the columns at ``offsets[i]`` to ``offsets[i + 1]``."""
    with warnings.catch_warnings():  # torch calls its CSR layout beta, once a process
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return torch.sparse_csr_tensor(offsets, columns, values, shape, check_invariants=True)
