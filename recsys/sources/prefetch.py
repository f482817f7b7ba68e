"""Reads ahead in a thread, so that parsing and writing each have a core."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def prefetch(items: Iterator[T]) -> Generator[Iterator[T], None, None]:
    """Give the same items; the next one is made while the last one is worked on."""
    end = object()

    def ahead() -> Iterator[T]:
        waiting: Future[T | object] = executor.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = executor.submit(next, items, end)
            yield item  # type: ignore[misc]

    with ThreadPoolExecutor(1) as executor:
        yield ahead()
