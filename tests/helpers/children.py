"""Children of a test: they heed Ctrl-C and end with the test, however the run was started."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any


@contextmanager
def child(*command: str, **options: Any) -> Iterator[Popen[str]]:
    """A process of its own, its output in pipes; killed at the end if it still runs."""
    # A run in the background ignores SIGINT, and its children inherit that.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = Popen(command, stdout=PIPE, stderr=PIPE, text=True, **options)
    finally:
        signal.signal(signal.SIGINT, handler)
    with process:
        try:
            yield process
        finally:
            process.kill()
