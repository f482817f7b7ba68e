"""The embedded server: shared, stopped by the last, and never hurt by a kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import TypeAlias

import psutil
import psycopg
import pytest

from recsys.database.engine import database_url, libpq_url
from recsys.errors import EmbeddedServerError
from recsys.server.cluster import Running
from recsys.server.embedded import EmbeddedServer, embedded_server
from recsys.settings import Settings
from tests.helpers.children import child
from tests.helpers.servers import memory

Hold: TypeAlias = Callable[[], tuple[Popen[str], int]]
HOLD = """
import sys, time
from pathlib import Path
from recsys.server.embedded import embedded_server
running = embedded_server(Path(sys.argv[1])).acquire()
print(running.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="recsys-home-", dir=memory()))
    folder.chmod(0o711)
    yield folder
    EmbeddedServer(folder).stop()
    shutil.rmtree(folder)


@pytest.fixture
def hold(home: Path) -> Iterator[Hold]:
    """Start a process that uses the server, and wait until it has it."""
    with ExitStack() as stack:

        def start() -> tuple[Popen[str], int]:
            process = stack.enter_context(child(sys.executable, "-c", HOLD, str(home)))
            assert process.stdout is not None
            return process, int(process.stdout.readline())

        yield start


def end(process: Popen[str], kind: signal.Signals = signal.SIGINT) -> None:
    process.send_signal(kind)
    process.communicate(timeout=30)


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def connect(running: Running, **more: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(port=running.port, user="postgres", dbname="postgres", **more)  # type: ignore[arg-type]


def test_two_processes_share_one_server_and_the_last_one_stops_it(hold: Hold) -> None:
    first, pid = hold()
    second, same_pid = hold()
    assert same_pid == pid
    end(first)
    assert psutil.pid_exists(pid)
    end(second)
    assert gone(pid)


def test_a_killed_client_leaves_a_server_that_the_next_one_uses(home: Path, hold: Hold) -> None:
    process, pid = hold()
    end(process, signal.SIGKILL)
    assert psutil.pid_exists(pid)
    server = EmbeddedServer(home)
    assert server.acquire().pid == pid
    server.release()
    assert gone(pid)


def test_a_killed_server_starts_again_with_what_was_committed(home: Path) -> None:
    server = EmbeddedServer(home)
    running = server.acquire()
    with running.connect() as connection:
        connection.execute("create table kept (x int)")
    os.kill(running.pid, signal.SIGKILL)
    assert gone(running.pid)
    again = server.acquire()
    assert again.pid != running.pid
    with again.connect() as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)
    server.release()


def test_no_second_server_starts_on_a_folder_whose_first_cannot_be_seen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from another container, where the first one's process has no number."""
    server = EmbeddedServer(home)
    running = server.acquire()
    pid_file = (server.cluster.data / "postmaster.pid").read_text()
    with monkeypatch.context() as patch:
        patch.setattr("recsys.server.cluster._serves", lambda *_: False)
        patch.setattr("recsys.server.cluster.START_ATTEMPTS", 2)
        with pytest.raises(EmbeddedServerError, match="another server works on"):
            EmbeddedServer(home).start()
    assert (server.cluster.data / "postmaster.pid").read_text() == pid_file
    assert server.cluster.running() == running
    assert running.answers()
    server.release()
    assert gone(running.pid)
    assert EmbeddedServer(home).acquire().answers()
    EmbeddedServer(home).stop()


def test_a_pid_file_whose_number_another_program_has_is_no_obstacle(home: Path) -> None:
    server = EmbeddedServer(home)
    server.acquire()
    pid_file = server.cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.release()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert server.cluster.running() is None
    assert server.acquire().answers()
    server.release()


def test_a_pid_file_that_names_another_homes_server_is_no_reason_to_stop_it(home: Path) -> None:
    (home / "one").mkdir(mode=0o711)
    (home / "two").mkdir(mode=0o711)
    one, two = EmbeddedServer(home / "one"), EmbeddedServer(home / "two")
    running = one.start()
    two.acquire()
    two.release()
    lines = (one.cluster.data / "postmaster.pid").read_text()
    (two.cluster.data / "postmaster.pid").write_text(lines)
    assert two.cluster.running() is None
    assert two.acquire().pid != running.pid
    two.release()
    assert running.answers()
    one.stop()


def test_a_port_in_use_leaves_the_server_as_it_was(home: Path) -> None:
    server = EmbeddedServer(home)
    before = server.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EmbeddedServerError, match="choose another"):
            server.start(taken.getsockname()[1])
    assert server.cluster.running() == before
    assert before.answers()


def test_a_folder_that_a_shell_would_take_apart_is_refused(home: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="RECSYS_HOME"):
        EmbeddedServer(home / 'a "quoted" one').acquire()


def test_a_folder_with_a_space_and_its_url(home: Path) -> None:
    spaced = home / "with space"
    spaced.mkdir(mode=0o711)
    settings = Settings(database_url=None, home=spaced)
    url = libpq_url(database_url(settings).set(database="postgres"))
    with psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    embedded_server(spaced).release()


def test_a_half_made_data_folder_is_made_anew(home: Path) -> None:
    (home / "postgres").mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.rmtree(home / "postgres")
        EmbeddedServer(home).acquire()
        EmbeddedServer(home).stop()
        shutil.rmtree(home / "postgres" / "data")
    (home / "postgres" / "data.new-1").mkdir()
    (home / "postgres" / "data.new-1" / "PG_VERSION").write_text("18")
    server = EmbeddedServer(home)
    assert server.acquire().answers()
    server.release()


def test_start_keeps_it_up_until_stop(home: Path, hold: Hold) -> None:
    server = EmbeddedServer(home)
    pid = server.start().pid
    process, same_pid = hold()
    assert same_pid == pid
    end(process)
    assert psutil.pid_exists(pid)
    assert server.stop() is True
    assert gone(pid)
    assert server.stop() is False


def test_the_socket_alone_unless_a_port_is_asked_for(home: Path) -> None:
    server = EmbeddedServer(home)
    running = server.start()
    assert not running.listens
    with pytest.raises(psycopg.OperationalError):
        connect(running, host="127.0.0.1")
    assert stat.S_IMODE(running.socket_folder.stat().st_mode) == 0o700


def test_a_port_needs_the_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSYS_DB_PASSWORD", raising=False)
    server = EmbeddedServer(home)
    running = server.start(free_port())
    assert running.listens
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    password = server.password_file.read_text().strip()
    with connect(running, host="127.0.0.1", password=password) as connection:
        assert connection.execute("show password_encryption").fetchone() == ("scram-sha-256",)
    for wrong in ("", "guess"):
        with pytest.raises(psycopg.OperationalError):
            connect(running, host="127.0.0.1", password=wrong)
    # It keeps its port when it is started again by a process that only wants the socket.
    os.kill(running.pid, signal.SIGKILL)
    assert gone(running.pid)
    assert server.acquire().port == running.port
    server.release()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_long_path_gets_its_socket_elsewhere(home: Path) -> None:
    long = home / ("x" * 120)
    long.mkdir(mode=0o711)
    server = EmbeddedServer(long)
    running = server.acquire()
    assert running.answers()
    assert long not in running.socket_folder.parents
    server.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders closed to the server's user")
def test_as_root_no_folder_is_opened_to_others(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "recsys")
    running = server.acquire()
    assert psutil.Process(running.pid).uids().effective != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    real = server.cluster.base.resolve()
    server.release()
    shutil.rmtree(real)


def test_a_large_log_is_put_aside_at_the_next_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(home)
    server.acquire()
    server.release()
    old = server.cluster.log.read_text()
    server.acquire()
    server.release()
    assert server.cluster.log.read_text().startswith(old)
    old = server.cluster.log.read_text()
    monkeypatch.setattr("recsys.server.cluster.LARGEST_LOG", len(old) - 1)
    server.acquire()
    server.release()
    assert server.cluster.log.with_suffix(".log.1").read_text() == old
    assert not server.cluster.log.read_text().startswith(old)


def test_a_server_is_revived_where_its_data_are(home: Path) -> None:
    server = EmbeddedServer(home)
    running = server.acquire()
    server.revive("/elsewhere")
    os.kill(running.pid, signal.SIGKILL)
    assert gone(running.pid)
    server.revive("/elsewhere")
    assert server.cluster.running() is None
    server.revive(str(running.socket_folder))
    again = server.cluster.running()
    assert again is not None
    assert again.answers()
    server.release()
    server.revive(str(running.socket_folder))  # it is held no more
    assert server.cluster.running() is None
