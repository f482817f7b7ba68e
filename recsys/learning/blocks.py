"""One side of the least-squares problem of `recsys.learning.als`, solved a block of rows at a time.

On a CPU the time goes into moving memory, not into arithmetic. So each side is cut into blocks
of rows that are solved to the end one after the other, in buffers that stay in the processor's
cache and are never allocated anew. Each core takes the next block: torch's own way, where all
cores work on each operation and wait for one another, is slower, and slow beyond measure as soon
as another program wants a core.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from recsys.learning.cores import core_workers
from recsys.learning.sparse import csr

# Most rows and positives of a block, measured (benchmarks/peers/training.py).
BLOCK_ROWS, BLOCK_POSITIVES = 1 << 11, 1 << 16


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
            self.csr = csr(offsets, columns, values, shape)
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
    counts
        ``(n_rows,)`` int64, ones a row.
    columns
        ``(n,)`` of the ones, row after row, ascending within each.
    """

    def __init__(self, counts: Tensor, columns: Tensor, n_columns: int) -> None:
        self.shape = shape = len(counts), n_columns
        self.counts = counts
        self.total: Callable[[Tensor], Tensor] | None = None  # of `Divided`, where it is that
        ends = counts.cumsum(0).cpu()
        columns = columns.int()
        most_rows, most = BLOCK_ROWS, BLOCK_POSITIVES
        if columns.is_cuda:  # no such cache, and it takes time to start its kernels
            most_rows, most = 1 << 20, 1 << 24
        self.blocks, start, first = [], 0, 0
        while start < shape[0]:
            end = int(torch.searchsorted(ends, first + most, right=True))
            stop = min(max(end, start + 1), start + most_rows, shape[0])
            last = int(ends[stop - 1])
            self.blocks.append(Block(start, self.counts[start:stop], columns[first:last], shape[1]))
            start, first = stop, last


class Divided:
    """All rows of a side as one block, where the columns are divided among processes.

    Parameters
    ----------
    side
        With this process's columns.
    total
        Returns the sum of a tensor over all processes, in place.
    """

    def __init__(self, side: Side, total: Callable[[Tensor], Tensor]) -> None:
        self.start, self.stop = 0, side.shape[0]
        self.blocks, self.total = side.blocks, total

    def weigh(self, constant: float, factor: float, vectors: Tensor, fixed: Tensor) -> None:
        """Do what `Block.weigh` does, for this process's columns."""
        for _ in core_workers().map(
            lambda block: block.weigh(constant, factor, vectors[block.start : block.stop], fixed),
            self.blocks,
        ):
            pass

    def add_up(self, fixed: Tensor, out: Tensor, scale: float = 1.0) -> None:
        """Do what `Block.add_up` does, for the columns of all processes."""
        own = torch.zeros_like(out)
        for _ in core_workers().map(
            lambda block: block.add_up(fixed, own[block.start : block.stop]), self.blocks
        ):
            pass
        out.mul_(scale).add_(self.total(own))


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
    gram = fixed.T @ fixed  # (factors, factors)
    gram = alpha * (gram if side.total is None else side.total(gram))
    reg = regularization * (side.counts + alpha * side.shape[1])[:, None]  # (n_rows, 1)
    all_blocks: Sequence[Block | Divided] = (
        side.blocks if side.total is None else [Divided(side, side.total)]
    )
    blocks = iter(all_blocks)  # shared: each worker takes the next one

    def work() -> list[float]:
        longest = max((block.stop - block.start for block in all_blocks), default=0)
        buffers = fixed.new_empty(4, longest, fixed.shape[1])
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

    if fixed.is_cuda or side.total is not None:  # its blocks are the workers' work
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
    block: Block | Divided,
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
