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

On a CPU the time goes into moving memory, not into arithmetic. So each side is cut into blocks
of rows that are solved to the end one after the other, in buffers that stay in the processor's
cache and are never allocated anew. Each core takes the next block: torch's own way, where all
cores work on each operation and wait for one another, is slower, and slow beyond measure as soon
as another program wants a core.
"""

from __future__ import annotations

import math
import time
import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from recsys.learning.cores import core_workers
from recsys.parameters import Parameters
from recsys.progress import Progress, silent

# Most rows and positives of a block, measured (benchmarks/peers/training.py).
BLOCK_ROWS, BLOCK_POSITIVES = 1 << 11, 1 << 16
FINAL_STEPS = 60
FINAL_TOLERANCE = 1e-6
INITIAL_SCALE = 0.1  # sigma* of Rendle et al., divided by sqrt(factors)


class Factors(NamedTuple):
    """Learned vectors: ``users (n_users, factors)``, ``items (n_items, factors)`` float32.

    ``loss`` is L(W, H) a positive.
    """

    users: Tensor
    items: Tensor
    loss: float


class Block:
    """Consecutive rows of a sparse 0/1 matrix, with the two products that ALS needs.

    Parameters
    ----------
    start
        The first row's number in the whole matrix.
    counts
        ``(n_rows,)`` int64, positives a row.
    columns
        ``(n,)`` int32 of the positives, row after row.
    """

    def __init__(self, start: int, counts: Tensor, columns: Tensor, n_columns: int) -> None:
        self.start, self.stop = start, start + len(counts)
        # CPU builds without MKL (Arm, say) lack the sampled product.
        self.sparse = columns.is_cuda or torch.backends.mkl.is_available()
        if self.sparse:
            offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()  # (n_rows + 1,)
            values = torch.empty(len(columns), device=columns.device)
            shape = len(counts), n_columns
            with warnings.catch_warnings():  # torch calls its CSR layout beta, once a process
                warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
                self.csr = torch.sparse_csr_tensor(
                    offsets, columns, values, shape, check_invariants=True
                )
        else:
            self.columns = columns
            self.rows = torch.repeat_interleave(torch.arange(len(counts)), counts)
            self.values = torch.empty(len(columns))

    def weigh(self, constant: float, factor: float, vectors: Tensor, fixed: Tensor) -> None:
        """Give each positive the weight ``constant + factor * (vector of its row . fixed)``."""
        if self.sparse:
            self.csr.values().fill_(constant)
            torch.sparse.sampled_addmm(
                self.csr, vectors, fixed.T, beta=1.0, alpha=factor, out=self.csr
            )
        else:
            scores = (vectors[self.rows] * fixed[self.columns]).sum(1)  # (n,)
            torch.add(torch.full_like(scores, constant), scores, alpha=factor, out=self.values)

    def add_up(self, fixed: Tensor, out: Tensor, scale: float = 1.0) -> None:
        """Make `out` ``(n_rows, factors)`` ``scale * out + each row's weighted sum of fixed``."""
        if self.sparse:
            torch.addmm(out, self.csr, fixed, beta=scale, out=out)
        else:
            out.mul_(scale).index_add_(0, self.rows, self.values[:, None] * fixed[self.columns])


class Side:
    """One side of the 0/1 matrix, ``(n_rows, n_columns)``, cut into blocks of rows.

    Parameters
    ----------
    rows, columns
        ``(n,)`` int64, ordered by row and then by column, each pair once.
    """

    def __init__(self, rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.counts = torch.bincount(rows, minlength=shape[0])  # (n_rows,)
        ends = self.counts.cumsum(0).cpu()
        columns = columns.int()
        most_rows, most = BLOCK_ROWS, BLOCK_POSITIVES
        if rows.is_cuda:  # no such cache, and it takes time to start its kernels
            most_rows, most = 1 << 20, 1 << 24
        self.blocks, start, first = [], 0, 0
        while start < shape[0]:
            end = int(torch.searchsorted(ends, first + most, right=True))
            stop = min(max(end, start + 1), start + most_rows, shape[0])
            last = int(ends[stop - 1])
            self.blocks.append(Block(start, self.counts[start:stop], columns[first:last], shape[1]))
            start, first = stop, last
        self.longest = max((block.stop - block.start for block in self.blocks), default=0)


def solve(
    vectors: Tensor,
    fixed: Tensor,
    side: Side,
    alpha: float,
    regularization: float,
    steps: int,
    tolerance: float = 0.0,
) -> float:
    """Solve one side with the other fixed, by conjugate gradient on a block of rows at a time.

    For each row: ``(alpha H'H + sum of h h' over its positives + reg I) w = sum of h``. The
    preconditioner is the diagonal of what all rows share: ``alpha H'H + reg I``.

    Parameters
    ----------
    vectors
        ``(n_rows, factors)``, where to begin; the solution is written here.
    fixed
        ``(n_columns, factors)``, the other side H.
    steps, tolerance
        At most so many steps, fewer for a block once the residual of each of its rows is below
        `tolerance` times where it would be at zero.

    Returns
    -------
    float
        By how much the loss went down.
    """
    gram = alpha * (fixed.T @ fixed)  # (factors, factors)
    reg = regularization * (side.counts + alpha * side.shape[1])[:, None]  # (n_rows, 1)
    blocks = iter(side.blocks)  # shared: each worker takes the next one

    def work() -> list[float]:
        buffers = fixed.new_empty(4, side.longest, fixed.shape[1])
        return [
            float(
                _solve_block(
                    block,
                    vectors[block.start : block.stop],
                    fixed,
                    gram,
                    reg[block.start : block.stop],
                    buffers[:, : block.stop - block.start],
                    steps,
                    tolerance,
                )
            )
            for block in blocks
        ]

    if fixed.is_cuda:
        return math.fsum(work())
    workers = core_workers()
    wanted = min(torch.get_num_threads(), len(side.blocks))
    done = [workers.submit(work) for _ in range(wanted)]
    try:
        # An exact sum is the same in whatever order the blocks were done.
        return math.fsum(gain for worker in done for gain in worker.result())
    except BaseException:  # Ctrl-C, too
        for _ in blocks:
            pass  # nothing is left for the workers to go on with
        raise


def _solve_block(
    block: Block,
    x: Tensor,
    fixed: Tensor,
    gram: Tensor,
    reg: Tensor,
    buffers: Tensor,
    steps: int,
    tolerance: float,
) -> Tensor:
    """Solve a block's rows in place; `buffers` is ``(4, n_rows, factors)`` to work in."""
    residual, direction, applied, inverse = buffers
    tiny = torch.finfo(x.dtype).tiny
    torch.add(reg, gram.diagonal(), out=inverse).reciprocal_()

    def apply(vectors: Tensor) -> None:
        torch.mm(vectors, gram, out=applied)
        applied.addcmul_(reg, vectors)

    enough = None
    if tolerance:
        block.weigh(1.0, 0.0, x, fixed)
        block.add_up(fixed, residual.zero_())  # the sum of h
        enough = tolerance**2 * _products(residual, torch.mul(residual, inverse, out=direction))
    apply(x)
    block.weigh(1.0, -1.0, x, fixed)
    block.add_up(fixed, applied, scale=-1.0)
    residual.copy_(applied)
    torch.mul(residual, inverse, out=direction)
    size = _products(residual, direction)  # (n_rows, 1)
    gain = size.new_zeros((), dtype=torch.float64)
    for step in range(1, steps + 1):
        if enough is not None and bool((size <= enough).all()):
            break
        apply(direction)
        block.weigh(0.0, 1.0, direction, fixed)
        block.add_up(fixed, applied)
        length = size / _products(direction, applied).clamp_min(tiny)
        x.addcmul_(length, direction)
        gain += (length * size).sum(dtype=torch.float64)
        if step == steps:
            break
        residual.addcmul_(length, applied, value=-1)
        before, size = size, _products(residual, torch.mul(residual, inverse, out=applied))
        direction.mul_(size / before.clamp_min(tiny)).add_(applied)
    return gain


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Return the dot product of each row, ``(n_rows, 1)``."""
    products: Tensor = torch.linalg.vecdot(left, right)
    return products[:, None]


class Factorization:
    """A factorization in the making: an epoch at a time, on one device.

    Parameters
    ----------
    user_index, item_index
        ``(n,)`` int64, ordered by user and then by item, each pair once.
    shape
        ``(n_users, n_items)``.
    parameters
        With alpha and regularization.
    """

    def __init__(
        self,
        user_index: Tensor,
        item_index: Tensor,
        shape: tuple[int, int],
        parameters: Parameters,
        device: str = "cpu",
    ) -> None:
        n_users, n_items = shape
        self.n, self.steps = len(user_index), parameters.steps
        self.alpha, self.regularization = parameters.weights
        user_index, item_index = user_index.to(device), item_index.to(device)
        # The most active users come first: whom most items ask for then lie together in memory.
        activity = torch.bincount(user_index, minlength=n_users)
        self.row = torch.argsort(torch.argsort(activity, descending=True, stable=True))
        user_index = self.row[user_index]
        order = torch.argsort(user_index, stable=True)
        user_index, item_index = user_index[order], item_index[order]
        self.by_user = Side(user_index, item_index, shape)
        order = torch.argsort(item_index, stable=True)
        self.by_item = Side(item_index[order], user_index[order], (n_items, n_users))
        # Drawn on the CPU whatever the device, so that a seed means the same vectors everywhere.
        generator = torch.Generator().manual_seed(parameters.seed)
        scale = INITIAL_SCALE / math.sqrt(parameters.factors)
        items = torch.randn(n_items, parameters.factors, generator=generator) * scale
        self.items = items.to(device)  # (n_items, factors)
        # (n_users, factors), in the order of activity: a user's is at `row`.
        self.users = torch.zeros(n_users, parameters.factors, device=device)
        self.loss = self.n + self.regularization * self._lengths()  # L(W, H)

    def epoch(self) -> float:
        """Solve both sides once; return the loss a positive."""
        # In the axes of the items, what all users share is a diagonal, and so the preconditioner
        # leaves little to do: two steps come as far as six without it.
        axes = principal_axes(self.items)
        self.items, self.users = self.items @ axes, self.users @ axes
        weights = self.alpha, self.regularization
        self.loss -= solve(self.users, self.items, self.by_user, *weights, self.steps)
        self.loss -= solve(self.items, self.users, self.by_item, *weights, self.steps)
        return self.loss / max(self.n, 1)

    def finished(self) -> Factors:
        """Return the vectors as they are to be served; the epochs can go on.

        The items' Gram matrix is diagonal, so that whoever solves for a user later needs one
        number a coordinate instead of a matrix. The users are solved to the end against the
        items, so that they are what the same equation gives for anybody with the same positives.
        """
        loss = self.loss / max(self.n, 1)
        if not (math.isfinite(loss) and torch.isfinite(self.items).all()):
            return Factors(self.users[self.row].cpu(), self.items.cpu(), math.nan)  # diverged
        axes = principal_axes(self.items.double())
        items, users = (self.items.double() @ axes).float(), self.users @ axes.float()
        weights = self.alpha, self.regularization
        solve(users, items, self.by_user, *weights, FINAL_STEPS, FINAL_TOLERANCE)
        return Factors(users[self.row].cpu(), items.cpu(), loss)

    def _lengths(self) -> float:
        """Return what `regularization` is multiplied with in the loss."""
        n_users, n_items = self.by_user.shape
        of_users = (self.by_user.counts + self.alpha * n_items) * self.users.square().sum(1)
        of_items = (self.by_item.counts + self.alpha * n_users) * self.items.square().sum(1)
        return float(of_users.sum(dtype=torch.float64) + of_items.sum(dtype=torch.float64))


def fit(
    user_index: Tensor,
    item_index: Tensor,
    shape: tuple[int, int],
    parameters: Parameters,
    device: str = "cpu",
    progress: Progress = silent,
) -> Factors:
    """Factorize the 0/1 matrix whose ones are at ``(user_index, item_index)``.

    Parameters
    ----------
    user_index, item_index, shape
        As for `Factorization`.
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
    learner = Factorization(user_index, item_index, shape, parameters, device)
    begun = time.monotonic()
    for epoch in range(1, parameters.epochs + 1):
        loss = learner.epoch()
        speed = epoch * len(user_index) / max(time.monotonic() - begun, 1e-9)
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
    side = Side(user_index, item_index, shape)
    solve(users, learned.items, side, *parameters.weights, FINAL_STEPS, FINAL_TOLERANCE)
    return learned._replace(users=users)


def principal_axes(vectors: Tensor) -> Tensor:
    """Return the rotation ``(factors, factors)`` that makes the vectors' Gram matrix diagonal.

    Dot products and norms stay. NaN where the vectors are not finite.
    """
    gram = (vectors.T @ vectors).double().cpu()
    if not torch.isfinite(gram).all():
        return torch.full_like(gram, math.nan).to(vectors)
    axes: Tensor = torch.linalg.eigh(gram).eigenvectors
    return axes.to(vectors)
