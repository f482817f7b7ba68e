"""The processor's cores: a thread for each, in which torch's operations are done alone.

Torch's own way, where all cores work on each operation and wait for one another, is slower for
many small operations, and far slower while other threads do the same.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from recsys.errors import TrainingError


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


def give_back_memory() -> None:
    """Return freed memory to the system, where glibc keeps it.

    Many arrays of some megabytes leave holes, on which those of the next stage come on top.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def choose_device(name: str) -> str:
    """Return a device that is there: ``auto`` is CUDA, else the CPU."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise TrainingError(f"no device {name!r} here: use --device auto or cpu") from error
    return name
