"""How answers are shown: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.segment import Segment
from rich.table import Table

from recsys import progress as protocol

PIPE_WIDTH = 120  # of a table that goes into a file or another program
PLACES = {"stars": 2, "mean": 2}  # decimals of stars that no user gave: predicted, or a mean

# What a terminal obeys instead of showing it: control characters except tabs and ends of lines, and
# what turns the direction of writing around.
COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Return a text from elsewhere, with what would command a terminal written as ``\\x1b``."""
    return COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class _Console(Console):
    """A console on which titles, names of files and messages are texts, whatever is in them."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else harmless(text), style, control)


console = _Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
errors = _Console(stderr=True, highlight=False)


class Format(StrEnum):
    """Formats of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Output = Annotated[Format, typer.Option("--output", "-o", help="How to print the answer.")]


def show(
    rows: Sequence[Mapping[str, Any]],
    output: Format,
    hidden: Iterable[str] = (),
    title: str = "",
    columns: Sequence[str] = (),
) -> None:
    """Print rows; only a table leaves the `hidden` columns out.

    `columns` is the heading of a CSV without rows.
    """
    if output is Format.JSON:
        text = json.dumps([dict(row) for row in rows], indent=2, default=_plain, ensure_ascii=False)
        # json has escaped all below a blank; the others it may hold as they are, or escaped.
        print(COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))  # noqa: T201
    elif output is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows[0] if rows else columns)
        for row in rows:
            values = map(_joined, row.values())
            writer.writerow([harmless(one) if isinstance(one, str) else one for one in values])
    else:
        console.print(table(rows, hidden, title))


def table(rows: Sequence[Mapping[str, Any]], hidden: Iterable[str] = (), title: str = "") -> Table:
    """Return rows as a table to look at."""
    made = Table(
        title=escape(title) or None, title_justify="left", title_style="bold", header_style="bold"
    )
    shown = [name for name in (rows[0] if rows else {}) if name not in set(hidden)]
    for name in shown:
        number = isinstance(rows[0][name], int | float) and not isinstance(rows[0][name], bool)
        made.add_column(
            name,
            justify="right" if number else "left",
        )
    places = {name: _places(name, [row[name] for row in rows]) for name in shown}
    for row in rows:
        made.add_row(*(_cell(row[name], places[name]) for name in shown))
    return made


@contextmanager
def progress_bar(
    words: Mapping[str, str], unit: Literal["steps", "percent", "bytes"] = "steps"
) -> Iterator[protocol.Progress]:
    """Yield a `Progress` that draws a bar on stderr for each step, as the step begins.

    A step ends where another begins, and the last one at the end of the block: its bar is full
    then, even if the step ended early. After an error it stays as it is.

    Parameters
    ----------
    words
        What the bar of a step says; a step that is not in here goes by its own name.
    unit
        What the steps count: ``bytes`` of a download also show their speed.
    """
    amounts: dict[str, list[ProgressColumn]] = {
        "steps": [MofNCompleteColumn()],
        "percent": [TaskProgressColumn()],
        "bytes": [DownloadColumn(), TransferSpeedColumn()],
    }
    with _bars(*amounts[unit]) as bars:
        bar: TaskID | None = None
        step = ""

        def end() -> None:
            if bar is not None:
                task = bars.tasks[bar]
                total = (task.completed or 1) if task.total is None else task.total
                bars.update(bar, completed=total, total=total)

        def report(what: str, done: int, of: int | None = None, note: str = "") -> None:
            nonlocal bar, step
            if bar is None or what != step:
                end()
                bar, step = bars.add_task(words.get(what, what), total=None, note=""), what
            bars.update(bar, completed=done, total=of, note=note)

        yield report
        end()


def _bars(*amount: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amount,
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    )


def say(message: str) -> None:
    """Print a line of plain text."""
    console.print(message, markup=False, soft_wrap=True)


def note(message: str) -> None:
    """Print a line that is not part of the answer, on stderr."""
    errors.print(message, style="dim", markup=False, soft_wrap=True)


def _places(name: str, column: list[object]) -> int:
    """Return the number of decimals of floats: one for given stars, three for scores."""
    if name in PLACES:
        return PLACES[name]
    return 1 if all((2 * value).is_integer() for value in column if isinstance(value, float)) else 3


def _cell(value: object, places: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{places}f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(_joined(value))
    return escape(harmless(text))


def _joined(value: object) -> object:
    if isinstance(value, list):
        return "|".join(map(str, value))
    return json.dumps(value, default=_plain) if isinstance(value, dict) else value


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else str(value)
