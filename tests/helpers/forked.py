"""Processes that begin where all imports are done, which take most of a short command's time.

They are forks of a server that has imported what commands and trainings need, and nothing more: no
state of the tests is in them. This module imports nothing heavy, as each of them imports it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

from recsys.cli.commands import COMMANDS

_context = get_context("forkserver")
_context.set_forkserver_preload(
    [f"recsys.cli.{place.partition(':')[0]}" for place, _ in COMMANDS.values()]
    + ["recsys.training.train", "recsys.database.migrations", "recsys.loading.load"]
    + ["recsys.evaluation.evaluate", "recsys.evaluation.report", "recsys.training.texts"]
    # What trainings and evaluations import at their first step takes seconds.
    + ["alembic.command", "pydantic.type_adapter", "scipy.stats", "torch._dynamo"]
    + ["sklearn.linear_model"]
)


def shorten(change: Callable[[object, str, int], None]) -> None:
    """Let rankers and orders learn little, and intervals be drawn few times: both take long.

    `change` is `setattr`, or a patch's.
    """
    from recsys.evaluation import scores
    from recsys.learning import network, order, questions, ranker, stars

    change(stars, "EPOCHS", 3)
    change(network, "EPOCHS", 2)
    change(ranker, "MANY_RATINGS", 0)
    change(order, "STEPS", 20)
    change(questions, "EPOCHS", 2)
    change(questions, "MOST_QUESTIONS", 100)
    change(scores, "SPREAD_DRAWS", 30)


def start(target: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """Start a process that calls `target`, a function that can be imported."""
    process = _context.Process(target=_call, args=(target, arguments, dict(os.environ)))
    process.start()
    return process


def run_command(
    arguments: tuple[str, ...], environment: dict[str, str], timeout: float
) -> CompletedProcess[str]:
    """Run `recsys` with these arguments, as ``subprocess.run`` would."""
    with TemporaryDirectory() as folder:
        written = [Path(folder, name) for name in ("stdout", "stderr")]
        process = start(_command, arguments, environment, *map(str, written))
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutExpired(list(arguments), timeout)
        return CompletedProcess(
            list(arguments), process.exitcode, *(file.read_text() for file in written)
        )


def _call(
    target: Callable[..., object], arguments: tuple[object, ...], environment: dict[str, str]
) -> None:
    os.environ.clear()  # the server's own is that of the time when it began
    os.environ.update(environment)
    shorten(setattr)
    target(*arguments)


def _command(
    arguments: tuple[str, ...], environment: dict[str, str], stdout: str, stderr: str
) -> None:
    from recsys.cli import main

    for stream, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.environ.update(environment)
    sys.argv = ["recsys", *arguments]
    main()
