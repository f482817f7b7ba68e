"""The demo's SQL can be pasted: what is on the screen is what ran."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from sqlalchemy import Engine

from recsys.cli import demo
from tests.helpers.commands import recsys

STATEMENTS = [
    value.format(user_id=1000, title="toy stroy")
    for name, value in vars(demo).items()
    if name.isupper() and isinstance(value, str) and value.endswith(";")
]


def test_the_demo_shows_all_its_parts(server_url: object) -> None:
    shown = recsys("demo")
    for part in (
        "simulated", "recsys.recommend(42)", "personal", "Comedy", "rated_already",
        "similar_movies", "--database recsys_demo db psql", "Ranking", "RMSE", "stars",
    ):  # fmt: skip
        assert part in shown.stdout + shown.stderr
    assert "Model 1 is active" in shown.stdout
    last = shown.stdout.rstrip().splitlines()[-1]
    assert last.endswith("--database recsys_demo serve --open --allow-ratings")


def test_no_statement_is_wider_than_a_terminal() -> None:
    assert len(STATEMENTS) == 11
    assert max(len(line) for text in STATEMENTS for line in text.splitlines()) <= 78


@pytest.mark.parametrize("width", [20, 80, 200])
def test_what_is_printed_is_what_ran(
    width: int, sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(demo, "console", Console(file=screen, width=width))
    for statement in STATEMENTS:
        demo.show_sql(statement)
    assert screen.getvalue() == "".join(f"{statement}\n" for statement in STATEMENTS)
    monkeypatch.setattr(demo, "console", Console(file=screen, width=width))
    demo.ask(sample_engine, "A heading", demo.NEW_VIEWER, demo.NEW_LIST)
    assert f"\n{demo.NEW_VIEWER}\n{demo.NEW_LIST}\n" in screen.getvalue()
