"""The processor's cores: a thread for each, in which torch's operations are done alone.

Torch's own way, where all cores work on each operation and wait for one another, is slower for
many small operations, and slow beyond measure beside threads that do the same.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@functools.cache
def core_workers() -> ThreadPoolExecutor:
    """Return a thread a core, each of which does torch's operations alone."""
    threads = torch.get_num_threads()
    ready = threading.Barrier(threads + 1)

    def begin() -> None:
        torch.set_num_threads(1)  # of this thread, and of those that begin after it
        ready.wait()

    pool = ThreadPoolExecutor(threads)
    for _ in range(threads):
        pool.submit(begin)
    ready.wait()
    torch.set_num_threads(threads)
    return pool


@contextmanager
def one_core() -> Iterator[None]:
    """Let one core do all of an operation of this thread, and have torch's own way in the end.

    Operations on few numbers take longer to be divided than to be done: many times as long where
    other programs want the cores, too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
