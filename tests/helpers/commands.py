"""The command `recsys` in a process of its own: what it prints, and the one line it fails with."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.helpers.forked import run_command

# A progress bar ends with the time that is left.
BAR_OR_ROOT = re.compile(r" [-\d]+:[-\d]{2}:[-\d]{2}\s*$|^Running as root")


def recsys(
    *arguments: str, status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, without the time that its imports take."""
    done = run_command(arguments, {"COLUMNS": "200", **environment}, timeout=120)
    return checked(done, status)


def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does, from nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "recsys", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
        timeout=120,
    )
    return checked(done, 0)


def checked(
    done: subprocess.CompletedProcess[str], status: int
) -> subprocess.CompletedProcess[str]:
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def fails(*arguments: str, **environment: str) -> str:
    """Run a command that must fail with one line on stderr; return the line."""
    done = recsys(*arguments, status=1, **environment)
    lines = [line for line in done.stderr.splitlines() if not BAR_OR_ROOT.search(line)]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("recsys: ")
    assert done.stdout == ""
    return lines[0]
