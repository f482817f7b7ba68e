"""Which of several processes this is, where `torchrun` has started more than one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

PATIENCE = timedelta(days=7)  # others wait while the first one reads, and looks for parameters


@contextmanager
def joined() -> Iterator[int]:
    """Join the processes that torchrun started, by gloo, and tell this one's number, from 0.

    A process alone has number 0. `torch.distributed` is initialised by torchrun's environment.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0
        return
    import torch.distributed

    torch.distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield torch.distributed.get_rank()
    finally:
        torch.distributed.destroy_process_group()


def several() -> bool:
    """Tell whether this process has joined others."""
    import torch.distributed

    return torch.distributed.is_available() and torch.distributed.is_initialized()
