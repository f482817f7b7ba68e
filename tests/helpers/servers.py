"""Servers that hang, servers of a test's own, and the URL of one."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from recsys.server.cluster import Cluster
from recsys.server.embedded import EmbeddedServer, embedded_server


def memory() -> Path | None:
    """The folder that lies in memory, if there is room for a server's data; else None.

    A copy of a database has 300 files, which a disk's file system takes five times as long to make.
    """
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return None
    free = min(shutil.disk_usage(folder).free, psutil.virtual_memory().available)
    return folder if free > 6 << 30 else None


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


@contextmanager
def embedded_in(folder: Path) -> Iterator[None]:
    """Use a server of its own in this folder, in this process and in its children."""
    folder.chmod(0o711)  # as root, the server's user passes through
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_HOME", str(folder))
        patch.delenv("DATABASE_URL", raising=False)
        yield
        embedded_server(folder).release()
        EmbeddedServer(folder).stop()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)
