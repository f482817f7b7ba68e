"""A factorization by several processes, each of which has some of the users.

A process holds the likes and the vectors of its own users, and the vectors of all films. Users are
solved where they are. A film's equation is a sum over users: each process adds up its own, and
`all_reduce` adds up these, once for the films' Gram matrix and once a step of conjugate gradient.
The first process has all likes: it sends each of the others its part, and gets the vectors of
their users in the end.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from recsys.errors import TrainingError
from recsys.learning.als import Alone, Factors, fit
from recsys.parameters import Parameters
from recsys.progress import Progress, silent


class Together(Alone):
    """This process and the others."""

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, in place."""
        dist.all_reduce(values)
        return values

    def first(self, values: Tensor) -> Tensor:
        """Return what the first process has, in place."""
        dist.broadcast(values, 0)
        return values


class _Task(NamedTuple):
    """What a process is told before its likes come."""

    shape: tuple[int, int]  # of its own users
    likes: int
    begins: bool  # at films' vectors, which come last
    parameters: Parameters


def fit_divided(
    user_index: Tensor,
    item_index: Tensor,
    shape: tuple[int, int],
    parameters: Parameters,
    progress: Progress = silent,
    begin_at: Tensor | None = None,
) -> Factors:
    """Factorize as `recsys.learning.als.fit` does, in the first process, with all others.

    Vectors are those of one process, but for the rounding of sums.
    """
    n_users, n_items = shape
    ends = torch.bincount(user_index, minlength=n_users).cumsum(0)
    n, processes = len(user_index), dist.get_world_size()
    # As many likes for each process.
    wanted = torch.arange(1, processes) * n // processes
    cuts = [0, *(torch.searchsorted(ends, wanted) + 1).clamp_max(n_users).tolist(), n_users]
    places = [0, *(int(ends[cut - 1]) for cut in cuts[1:])]
    for process in range(1, processes):
        of = slice(places[process], places[process + 1])
        own = cuts[process + 1] - cuts[process], n_items
        task = _Task(own, of.stop - of.start, begin_at is not None, parameters)
        dist.send_object_list([task], process)
        dist.send(user_index[of].int() - cuts[process], process)
        dist.send(item_index[of].int(), process)
        if begin_at is not None:
            dist.send(begin_at.contiguous(), process)
    learned = fit(
        user_index[: places[1]],
        item_index[: places[1]],
        (cuts[1], n_items),
        parameters,
        progress=progress,
        begin_at=begin_at,
        processes=Together(),
    )
    users = learned.users.new_empty(n_users, parameters.factors)
    users[: cuts[1]] = learned.users
    for process in range(1, processes):
        dist.recv(users[cuts[process] : cuts[process + 1]], process)
    return learned._replace(users=users)


def assist() -> None:
    """Do this process's part of what the first one factorizes.

    Raises
    ------
    TrainingError
        Another process has ended before.
    """
    told: list[_Task] = [None]  # type: ignore[list-item]
    try:
        dist.recv_object_list(told, 0)
        task = told[0]
        users, items = torch.empty(2, task.likes, dtype=torch.int32)
        dist.recv(users, 0)
        dist.recv(items, 0)
        begin_at = None
        if task.begins:
            begin_at = torch.empty(task.shape[1], task.parameters.factors)
            dist.recv(begin_at, 0)
        learned = fit(
            users, items, task.shape, task.parameters, begin_at=begin_at, processes=Together()
        )
        dist.send(learned.users.contiguous(), 0)
    except RuntimeError as error:  # gloo has no other
        raise TrainingError(f"another process of this training has ended: {error}") from error
