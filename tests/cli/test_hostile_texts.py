"""Texts that would command a terminal or a spreadsheet: shown, never obeyed."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable

import pytest
from rich.table import Table
from sqlalchemy import Engine

from recsys.cli import output
from recsys.cli.output import Format, show
from tests.helpers.commands import recsys

# Red, a title for the window, a bell, back to the start of the line, the same in one character of
# eight bits; then a text that is shown from right to left.
HOSTILE = "\x1b[31mHeat\x1b]0;owned\x07\r\x08\x7f\x9b2J \u202egnp.exe\u2066"
ROWS = [{"rank": 1, "title": HOSTILE, "genres": ["Drama", HOSTILE], "facts": {"raw": HOSTILE}}]


def commands(text: str) -> set[str]:
    """Return the characters that a terminal obeys."""
    return {
        one
        for one in text
        if one not in "\n\t" and (unicodedata.category(one) == "Cc" or one in "\u202e\u2066")
    }


@pytest.mark.parametrize("form", [Format.TABLE, Format.JSON])
def test_answers_command_nothing(capsys: pytest.CaptureFixture[str], form: Format) -> None:
    show(ROWS, form, title=HOSTILE)
    printed = capsys.readouterr().out
    assert not commands(printed)
    if form is Format.JSON:
        assert json.loads(printed) == ROWS
    else:
        assert r"\x1b[31mHeat" in printed
        assert len({len(line) for line in printed.splitlines()[2:]}) == 1  # the frame holds


def test_csv_keeps_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, Format.CSV)
    printed = capsys.readouterr().out
    assert not commands(printed)
    [row] = csv.DictReader(io.StringIO(printed, newline=""))
    assert row["title"].startswith(r"\x1b[31mHeat")


@pytest.mark.parametrize(
    "speak",
    [
        output.say,
        output.note,
        lambda text: output.console.print(text),
        lambda text: output.errors.print(text, style="red", markup=False, soft_wrap=True),
        lambda text: output.console.print(Table(text, title=text)),
    ],
)
def test_messages_command_nothing(
    capsys: pytest.CaptureFixture[str], speak: Callable[[str], None]
) -> None:
    speak(HOSTILE)
    printed = "".join(capsys.readouterr())
    assert "Heat" in printed
    assert not commands(printed)


def test_bars_command_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress_bar({}) as progress:
        progress(HOSTILE, 1, 2, HOSTILE)
    assert not commands(capsys.readouterr().err)


def test_titles_and_genres_of_the_database_command_nothing(sample_engine: Engine) -> None:
    name = sample_engine.url.database
    assert name is not None
    with sample_engine.begin() as connection:
        for column, table in (("title", "movies"), ("name", "genres")):
            connection.exec_driver_sql(
                f"update recsys.{table} set {column} = {column} || %s", (HOSTILE,)
            )
    for arguments in (
        ("popular",),
        ("recommend", "1"),
        ("recommend", "1", "--compare"),
        ("similar", "1"),
    ):
        done = recsys("--database", name, *arguments)
        assert "Heat" in done.stdout, arguments
        assert not commands(done.stdout + done.stderr), arguments
