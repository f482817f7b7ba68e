"""How long commands take from their start to their end.

    python -m benchmarks.speed.start [--runs 20] [--against FOLDER]

Python itself, `--help`, `--version`, the completion of a command and of an option, and `recommend`
on the bundled sample, whose server runs. Each is run once to warm up; then all take turns, so that
the machine's other guests slow all of them alike. With `--against`, a checkout of another version
takes turns, too: the server must suit both, so that only its help, version and completion are run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.scratch import scratch_database
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.sources.simulated.sample import SampleSource
from recsys.training.train import train

ROOT = Path(__file__).parents[2]
COMPLETE = {"_RECSYS_COMPLETE": "complete_bash"}
STARTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "--help": (["--help"], {}),
    "--version": (["--version"], {}),
    "completion of a command": ([], COMPLETE | {"COMP_WORDS": "recsys re", "COMP_CWORD": "1"}),
    "completion of an option": (
        [],
        COMPLETE | {"COMP_WORDS": "recsys recommend --ge", "COMP_CWORD": "2"},
    ),
}
COMMAND = "import sys; from recsys.cli import main; sys.argv[0] = 'recsys'; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--against", type=Path, help="root of another checkout")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, SampleSource())
        train(engine, Parameters(factors=8, alpha=0.3, regularization=0.01))
        url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        commands = {"python -c pass": ([sys.executable, "-c", "pass"], dict(os.environ))}
        roots = {"": ROOT} | ({" (other)": arguments.against} if arguments.against else {})
        for name, root in roots.items():
            for start, (words, variables) in STARTS.items():
                commands[f"recsys {start}{name}"] = typed(words, root, variables)
        commands["recsys recommend 1"] = typed(["recommend", "1"], ROOT, {"DATABASE_URL": url})
        times = take_turns(commands, arguments.runs)
    print(f"{arguments.runs} runs each, in turns; ms: least, median, p95")
    for name, seconds in times.items():
        least, median, p95 = np.percentile(np.array(seconds) * 1000, [0, 50, 95])
        print(f"{name:40} {least:6.0f} {median:6.0f} {p95:6.0f}")


def typed(
    words: list[str], root: Path, variables: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the command of the checkout in `root`, and its environment."""
    environment = {**os.environ, "PYTHONPATH": str(root), **variables}
    return [sys.executable, "-P", "-c", COMMAND, *words], environment


def take_turns(
    commands: Mapping[str, tuple[list[str], dict[str, str]]], runs: int
) -> dict[str, list[float]]:
    """Run each of the commands so many times; return the seconds of each run but the first."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, (command, environment) in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            times[name].append(time.perf_counter() - begun)
    return {name: seconds[1:] for name, seconds in times.items()}


if __name__ == "__main__":
    main()
