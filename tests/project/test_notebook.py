"""The notebook of docs/: its cells run, and show what they say."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from tests.helpers import commands
from tests.helpers.servers import memory

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text())["cells"]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """What the cells know: an embedded server of their own, and commands that begin at once."""

    ours, others = [sys.executable, "-m", "recsys"], subprocess.run

    def run(command: Any, *arguments: Any, **options: Any) -> Any:
        if command[:3] == ours:
            return commands.recsys(*command[3:])
        return others(command, *arguments, **options)

    with tempfile.TemporaryDirectory(prefix="recsys-notebook-", dir=memory()) as folder:
        Path(folder).chmod(0o711)  # as root, the server's user passes through
        monkeypatch.setenv("RECSYS_HOME", folder)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setattr(subprocess, "run", run)
        with mpl.rc_context({"backend": "agg"}):
            yield {}
        commands.recsys("db", "stop")


def shown(source: str, name: str, known: dict[str, object]) -> tuple[str, str] | None:
    """Run a cell as Jupyter does; the class of what it shows, and whether it is HTML."""
    *before, last = ast.parse(source).body
    shows = isinstance(last, ast.Expr)
    exec(compile(ast.Module(before if shows else [*before, last], []), name, "exec"), known)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), name, "eval"), known)
    html = hasattr(value, "_repr_html_") and value._repr_html_()
    return type(value).__name__, "html" if html else "no html"


def test_it_is_kept_without_what_it_showed() -> None:
    for cell in CELLS:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")


def test_every_cell_runs(known: dict[str, object]) -> None:
    found = {
        cell["id"]: shown("".join(cell["source"]), cell["id"], known)
        for cell in CELLS
        if cell["cell_type"] == "code"
    }
    assert found == {
        "load": ("NoneType", "no html"),
        "ask": ("Answers", "html"),
        "liked": ("Answers", "html"),
        "basket": ("Answers", "html"),
        "search": ("Answers", "html"),
        "film": ("Movie", "html"),
        "plot": ("Axes", "no html"),
        "stars": ("Axes", "no html"),
        "close": ("NoneType", "no html"),
    }
