"""Servers of the tests: where one in this process is, and one that browsers reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from uvicorn import Config, Server

HERE = "http://127.0.0.1:8000"


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a port that is free, in a thread; yield its address."""
    server = Server(Config(app, log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as port:
        thread = threading.Thread(target=server.run, args=([port],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
