"""Implicit matrix factorization by alternating least squares, in torch alone.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (ICDM 2008), with
the loss and the frequency-scaled regularization of Rendle, Krichene, Zhang, Koren, "Revisiting
the Performance of iALS on Item Recommendation Benchmarks" (RecSys 2022):

    L(W, H) =  sum over positives (u, i)  (w_u . h_i - 1)^2
            +  alpha * sum over all (u, i)  (w_u . h_i)^2
            +  sum over u  reg_u |w_u|^2  +  sum over i  reg_i |h_i|^2
    reg_u   =  regularization * (n_positives(u) + alpha * n_items),  reg_i likewise.

With one side fixed the other has a closed form, a small linear system a row, which a few steps
of conjugate gradient from the last solution solve well enough (Takacs, Pilaszy, Tikk 2011).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from recsys.parameters import Parameters

# Gathered rows that one block of the portable path may hold: 2^18 x 64 factors are 64 MB.
BLOCK = 1 << 18
FINAL_STEPS = 60
FINAL_TOLERANCE = 1e-6
INITIAL_SCALE = 0.1  # sigma* of Rendle et al., divided by sqrt(factors)


class Factors(NamedTuple):
    """Learned vectors: ``users (n_users, factors)``, ``items (n_items, factors)`` float32."""

    users: Tensor
    items: Tensor
    loss: float


class Positives:
    """A sparse 0/1 matrix ``(n_rows, n_columns)`` with the two products that ALS needs.

    Parameters
    ----------
    rows, columns
        ``(n,)`` int64, ordered by row and then by column, each pair once.
    """

    def __init__(self, rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> None:
        self.rows, self.columns, self.shape = rows.contiguous(), columns.contiguous(), shape
        self.counts = torch.bincount(rows, minlength=shape[0])  # (n_rows,)
        # CPU builds without MKL (Arm, say) lack the sampled product.
        self.sparse = rows.is_cuda or torch.backends.mkl.is_available()
        if self.sparse:
            starts = torch.cat([self.counts.new_zeros(1), self.counts.cumsum(0)])  # (n_rows + 1,)
            ones = torch.ones(len(columns), device=rows.device)
            with warnings.catch_warnings():  # torch calls its CSR layout beta, once a process
                warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
                self.csr = torch.sparse_csr_tensor(
                    starts, self.columns, ones, shape, check_invariants=True
                )

    def sums(self, items: Tensor) -> Tensor:
        """Return each row's sum of item vectors, ``(n_rows, factors)``."""
        if self.sparse:
            return self.csr @ items
        return self._gathered(items, lambda _, vectors: vectors)

    def products(self, users: Tensor, items: Tensor) -> Tensor:
        """Return ``sum over the row's items of (user . item) item``, ``(n_rows, factors)``."""
        if self.sparse:
            return self._sampled(users, items) @ items
        return self._gathered(
            items, lambda rows, vectors: (users[rows] * vectors).sum(1, keepdim=True) * vectors
        )

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """Return ``user . item`` of every positive, ``(n,)``."""
        if self.sparse:
            return self._sampled(users, items).values()
        pairs = zip(self.rows.split(BLOCK), self.columns.split(BLOCK), strict=True)
        return torch.cat([(users[r] * items[c]).sum(1) for r, c in pairs])

    def _sampled(self, users: Tensor, items: Tensor) -> Tensor:
        sampled: Tensor = torch.sparse.sampled_addmm(self.csr, users, items.T, beta=0.0)
        return sampled

    def _gathered(self, items: Tensor, term: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        out = items.new_zeros(self.shape[0], items.shape[1])
        for rows, columns in zip(self.rows.split(BLOCK), self.columns.split(BLOCK), strict=True):
            out.index_add_(0, rows, term(rows, items[columns]))  # (block, factors)
        return out


def solve(
    start: Tensor,
    items: Tensor,
    positives: Positives,
    parameters: Parameters,
    steps: int,
    tolerance: float = 0.0,
) -> Tensor:
    """Solve one side with the other fixed, by conjugate gradient on all rows at once.

    For each row u: ``(alpha H'H + sum of h h' over its positives + reg_u I) w = sum of h``.

    Parameters
    ----------
    start
        ``(n_rows, factors)``, where to begin.
    items
        ``(n_columns, factors)``, the fixed side H.
    steps, tolerance
        At most so many steps, fewer once every row's residual is below
        `tolerance` times its right side.
    """
    alpha, n_columns = parameters.alpha, positives.shape[1]
    gram = alpha * (items.T @ items)  # (factors, factors)
    reg = parameters.regularization * (positives.counts + alpha * n_columns)[:, None]  # (n_rows, 1)

    def apply(vectors: Tensor) -> Tensor:
        return vectors @ gram + reg * vectors + positives.products(vectors, items)

    target = positives.sums(items)  # (n_rows, factors)
    x = start.clone()
    residual = target - apply(x)
    direction = residual.clone()
    squared = residual.square().sum(1, keepdim=True)  # (n_rows, 1)
    enough = tolerance**2 * target.square().sum(1, keepdim=True)
    tiny = torch.finfo(x.dtype).tiny
    for _ in range(steps):
        if tolerance and bool((squared <= enough).all()):
            break
        applied = apply(direction)
        step = squared / (direction * applied).sum(1, keepdim=True).clamp_min(tiny)
        x += step * direction
        residual -= step * applied
        before, squared = squared, residual.square().sum(1, keepdim=True)
        direction = residual + (squared / before.clamp_min(tiny)) * direction
    return x


def fit(
    user_index: Tensor,
    item_index: Tensor,
    shape: tuple[int, int],
    parameters: Parameters,
    device: str = "cpu",
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Factors:
    """Factorize the 0/1 matrix whose ones are at ``(user_index, item_index)``.

    Parameters
    ----------
    user_index, item_index
        ``(n,)`` int64, ordered by user and then by item, each pair once.
    shape
        ``(n_users, n_items)``.
    on_epoch
        Called after each epoch with its number from 1 and the loss a positive.

    Returns
    -------
    Factors
        On the CPU. The users are solved to the end against the final items, so that
        ``users`` is what the same equation gives for anybody with the same positives.

    Examples
    --------
    >>> users, items = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])
    >>> learned = fit(users, items, (2, 4), Parameters(factors=2, epochs=5))
    >>> (learned.users @ learned.items.T).round().int().tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    n_users, n_items = shape
    user_index, item_index = user_index.to(device), item_index.to(device)
    by_user = Positives(user_index, item_index, shape)
    order = torch.argsort(item_index, stable=True)
    by_item = Positives(item_index[order], user_index[order], (n_items, n_users))
    # Drawn on the CPU whatever the device, so that a seed means the same vectors everywhere.
    generator = torch.Generator().manual_seed(parameters.seed)
    scale = INITIAL_SCALE / math.sqrt(parameters.factors)
    items = (torch.randn(n_items, parameters.factors, generator=generator) * scale).to(device)
    users = torch.zeros(n_users, parameters.factors, device=device)
    loss = math.nan
    for epoch in range(1, parameters.epochs + 1):
        users = solve(users, items, by_user, parameters, parameters.steps)
        items = solve(items, users, by_item, parameters, parameters.steps)
        loss = loss_of(users, items, by_user, by_item, parameters) / max(len(user_index), 1)
        on_epoch(epoch, loss)
    if not torch.isfinite(items).all():
        return Factors(users.cpu(), items.cpu(), loss)  # diverged: no axes to turn to
    items = to_principal_axes(items)
    # The axes turned: the users' last vectors are no start any more.
    users = solve(torch.zeros_like(users), items, by_user, parameters, FINAL_STEPS, FINAL_TOLERANCE)
    return Factors(users.cpu(), items.cpu(), loss)


def to_principal_axes(items: Tensor) -> Tensor:
    """Turn vectors so that their Gram matrix is diagonal; dot products and norms stay.

    Whoever solves for a user later then needs one number a coordinate instead of a matrix.

    Parameters
    ----------
    items
        ``(n_items, factors)``.
    """
    exact = items.double()
    _, axes = torch.linalg.eigh(exact.T @ exact)  # (factors, factors)
    turned: Tensor = (exact @ axes).to(items.dtype)
    return turned


def loss_of(
    users: Tensor, items: Tensor, by_user: Positives, by_item: Positives, parameters: Parameters
) -> float:
    """Return L(W, H) of the module's equation; never forms the full matrix.

    The sum over all pairs is ``trace(W'W H'H)``.
    """
    alpha, (n_users, n_items) = parameters.alpha, by_user.shape
    fit_error = (by_user.scores(users, items) - 1).square().sum()
    everywhere = alpha * ((users.T @ users) * (items.T @ items)).sum()
    reg_users = (by_user.counts + alpha * n_items) * users.square().sum(1)
    reg_items = (by_item.counts + alpha * n_users) * items.square().sum(1)
    lengths = parameters.regularization * (reg_users.sum() + reg_items.sum())
    return float(fit_error + everywhere + lengths)
