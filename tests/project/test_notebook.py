"""The notebook of docs/: its cells run, and show what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
# Runs the cells as Jupyter does, and prints the class of what each shows, and whether it is HTML.
RUNNER = """
import ast, json, sys
known = {}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] != "code":
        continue
    *before, last = ast.parse("".join(cell["source"])).body
    shows = isinstance(last, ast.Expr)
    exec(compile(ast.Module(before if shows else [*before, last], []), cell["id"], "exec"), known)
    if shows:
        value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), known)
        html = "html" if hasattr(value, "_repr_html_") and value._repr_html_() else "no html"
        print("CELL", cell["id"], type(value).__name__, html)
"""


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    """An environment with an embedded server of the notebook's own."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with tempfile.TemporaryDirectory(prefix="recsys-notebook-") as folder:
        Path(folder).chmod(0o711)  # as root, the server's user passes through
        own = {**kept, "RECSYS_HOME": folder, "MPLBACKEND": "agg"}
        yield own
        subprocess.run([sys.executable, "-m", "recsys", "db", "stop"], env=own, check=True)


def test_it_is_kept_without_what_it_showed() -> None:
    cells: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text())["cells"]
    for cell in cells:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")


def test_every_cell_runs(variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(NOTEBOOK)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = [line.split(maxsplit=3)[1:] for line in done.stdout.splitlines() if "CELL" in line]
    assert shown == [
        ["load", "NoneType", "no html"],
        ["ask", "Answers", "html"],
        ["liked", "Answers", "html"],
        ["basket", "Answers", "html"],
        ["search", "Answers", "html"],
        ["film", "Movie", "html"],
        ["plot", "Axes", "no html"],
        ["stars", "Axes", "no html"],
        ["close", "NoneType", "no html"],
    ]
