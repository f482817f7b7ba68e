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
import time
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys.learning.blocks import Side, solve
from recsys.parameters import Parameters
from recsys.progress import Progress, silent

FIRST_STEPS, FINAL_STEPS = 6, 60
FINAL_TOLERANCE = 1e-6
INITIAL_SCALE = 0.1  # sigma* of Rendle et al., divided by sqrt(factors)


class Factors(NamedTuple):
    """Learned vectors: ``users (n_users, factors)``, ``items (n_items, factors)`` float32.

    ``loss`` is L(W, H) a positive.
    """

    users: Tensor
    items: Tensor
    loss: float


class Alone:
    """The processes among which the users are divided: this one."""

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, in place."""
        return values

    def first(self, values: Tensor) -> Tensor:
        """Return what the first process has, in place."""
        return values


class Factorization:
    """A factorization in the making: an epoch at a time, on one device.

    Parameters
    ----------
    user_index, item_index
        ``(n,)`` on the CPU, ordered by user and then by item, each pair once.
    shape
        ``(n_users, n_items)``.
    parameters
        With alpha and regularization.
    items
        ``(n_items, factors)``, where to begin; rows of NaN begin at random, as all do without it.
    processes
        Among which the users are divided; those named before are this process's own.
    """

    def __init__(
        self,
        user_index: Tensor,
        item_index: Tensor,
        shape: tuple[int, int],
        parameters: Parameters,
        device: str = "cpu",
        items: Tensor | None = None,
        processes: Alone | None = None,
    ) -> None:
        n_users, n_items = shape
        self.processes = processes or Alone()
        self.n, self.steps = int(self._total(len(user_index))), parameters.steps
        self.alpha, self.regularization = parameters.weights
        # The most active users come first: those that most items ask for lie together in memory.
        activity = torch.bincount(user_index, minlength=n_users)
        order = torch.argsort(activity, descending=True, stable=True)
        self.row = torch.argsort(order).to(device)
        by_user = ones(activity, item_index, n_items)[order.numpy()]
        self.by_user = side(by_user, device)
        self.by_item = side(by_user.T.tocsr(), device)
        if processes is not None:
            self.by_item.total = processes.total
            processes.total(self.by_item.counts)
            self.by_item.shape = n_items, int(self._total(n_users))
        # Drawn on the CPU whatever the device, so that a seed means the same vectors everywhere.
        generator = torch.Generator().manual_seed(parameters.seed)
        scale = INITIAL_SCALE / math.sqrt(parameters.factors)
        drawn = torch.randn(n_items, parameters.factors, generator=generator) * scale
        begun = drawn if items is None else drawn.where(items.isnan(), items)
        self.items = begun.to(device)  # (n_items, factors)
        # (n_users, factors), in the order of activity: a user's is at `row`.
        self.users = torch.zeros(n_users, parameters.factors, device=device)
        self.loss = self.n + self.regularization * self._lengths()  # L(W, H)
        if items is not None:
            weights = self.alpha, self.regularization
            gain = solve(self.users, self.items, self.by_user, *weights, FIRST_STEPS)
            self.loss -= self._total(gain)

    def epoch(self) -> float:
        """Solve both sides once; return the loss a positive."""
        # In the axes of the items, what all users share is a diagonal, and so the preconditioner
        # leaves little to do: two steps come as far as six without it.
        axes = self.processes.first(principal_axes(self.items))
        self.items, self.users = self.items @ axes, self.users @ axes
        weights = self.alpha, self.regularization
        gain = solve(self.users, self.items, self.by_user, *weights, self.steps)
        self.loss -= self._total(gain)
        self.loss -= solve(self.items, self.users, self.by_item, *weights, self.steps)
        return self.loss / max(self.n, 1)

    def finished(self) -> Factors:
        """Return the vectors as they are to be served; the epochs can go on.

        The items' Gram matrix is diagonal, so that solving for a user later needs one
        number a coordinate instead of a matrix. The users are solved to the end against the
        items, so that they are what the same equation gives for anybody with the same positives.
        """
        loss = self.loss / max(self.n, 1)
        if not (math.isfinite(loss) and torch.isfinite(self.items).all()):
            return Factors(self.users[self.row].cpu(), self.items.cpu(), math.nan)  # diverged
        axes = self.processes.first(principal_axes(self.items.double()))
        items, users = (self.items.double() @ axes).float(), self.users @ axes.float()
        weights = self.alpha, self.regularization
        solve(users, items, self.by_user, *weights, FINAL_STEPS, FINAL_TOLERANCE)
        return Factors(users[self.row].cpu(), items.cpu(), loss)

    def _lengths(self) -> float:
        """Return what `regularization` is multiplied with in the loss; users are still zero."""
        n_users = self.by_item.shape[1]
        of_items = (self.by_item.counts + self.alpha * n_users) * self.items.square().sum(1)
        return float(of_items.sum(dtype=torch.float64))

    def _total(self, number: float) -> float:
        return float(self.processes.total(torch.tensor(number, dtype=torch.float64)))


def fit(
    user_index: Tensor,
    item_index: Tensor,
    shape: tuple[int, int],
    parameters: Parameters,
    device: str = "cpu",
    progress: Progress = silent,
    begin_at: Tensor | None = None,
    processes: Alone | None = None,
) -> Factors:
    """Factorize the 0/1 matrix whose ones are at ``(user_index, item_index)``.

    Parameters
    ----------
    user_index, item_index, shape, processes
        As for `Factorization`, as are the items to begin at.
    progress
        Called after each epoch, with the loss a positive and positives a second.

    Returns
    -------
    Factors
        On the CPU; see `Factorization.finished`.

    Examples
    --------
    >>> users, items = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])
    >>> learned = fit(users, items, (2, 4), Parameters(2, epochs=5, alpha=0.3, regularization=0.01))
    >>> (learned.users @ learned.items.T).round().int().tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    learner = Factorization(user_index, item_index, shape, parameters, device, begin_at, processes)
    begun = time.monotonic()
    for epoch in range(1, parameters.epochs + 1):
        loss = learner.epoch()
        speed = epoch * learner.n / max(time.monotonic() - begun, 1e-9)
        progress("training", epoch, parameters.epochs, f"loss {loss:.4f}, {speed:,.0f}/s")
    return learner.finished()


def fold_in(
    learned: Factors,
    user_index: Tensor,
    item_index: Tensor,
    shape: tuple[int, int],
    parameters: Parameters,
) -> Factors:
    """Solve for all users anew, from these positives and the items as they were learned."""
    users = torch.zeros(shape[0], learned.items.shape[1])
    by_user = Side(torch.bincount(user_index, minlength=shape[0]), item_index, shape[1])
    solve(users, learned.items, by_user, *parameters.weights, FINAL_STEPS, FINAL_TOLERANCE)
    return learned._replace(users=users)


def ones(counts: Tensor, columns: Tensor, n_columns: int) -> sparse.csr_array:
    """Return the 0/1 matrix with so many ones a row, in bytes."""
    ends = np.append(0, counts.cumsum(0).numpy())
    values = np.ones(len(columns), dtype=np.int8)
    return sparse.csr_array((values, columns.numpy(), ends), (len(counts), n_columns))


def side(matrix: sparse.csr_array, device: str) -> Side:
    """Return the rows of a 0/1 matrix as a side of the problem."""
    counts, columns = torch.from_numpy(np.diff(matrix.indptr)), torch.from_numpy(matrix.indices)
    return Side(counts.long().to(device), columns.to(device), matrix.shape[1])


def principal_axes(vectors: Tensor) -> Tensor:
    """Return the rotation ``(factors, factors)`` that makes the vectors' Gram matrix diagonal.

    Dot products and norms stay. NaN where the vectors are not finite.
    """
    gram = (vectors.T @ vectors).double().cpu()
    if not torch.isfinite(gram).all():
        return torch.full_like(gram, math.nan).to(vectors)
    axes: Tensor = torch.linalg.eigh(gram).eigenvectors
    return axes.to(vectors)
