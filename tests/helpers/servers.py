"""Servers that hang, and the URL of one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from sqlalchemy import Engine

from recsys.server.cluster import Cluster


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """Stop all processes of a server as they are, as if its machine hung."""
    running = cluster.running()
    assert running is not None
    postmaster = psutil.Process(running.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)
