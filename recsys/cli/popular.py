"""`recsys popular`: films that most people like now."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from recsys.cli.films import Length, show_films, with_filters
from recsys.cli.output import Format, Output
from recsys.database.migrations import ready_engine
from recsys.serving.answers import SimilarMovie
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters

DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}


def _age(given: str) -> timedelta:
    """Return what a number of days, or a number with a unit, stands for."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([hdwy]?)", given.strip().lower())
    if parts is None:
        raise typer.BadParameter(f"{given!r} is no age: write 12h, 30d, 2w, 1y, or days alone")
    try:
        return timedelta(days=float(parts[1]) * DAYS[parts[2] or "d"])
    except OverflowError:
        raise typer.BadParameter(f"{given!r} is longer than all times") from None


@with_filters
def popular(
    context: typer.Context,
    k: Length = 10,
    *,
    filters: Filters,
    half_life: Annotated[
        timedelta | None,
        typer.Option(
            parser=_age,
            metavar="AGE",
            help="Age at which a like counts half, such as 12h, 30d, 2w, 1y, or days alone; by "
            "default the active model's.",
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show the films that most people like now: older likes count less.

    Examples:

    - `recsys popular`

    - `recsys popular -k 5 --genre Comedy --half-life 30d`
    """
    engine = ready_engine(context.obj)
    answer = Recommender.on(engine).popular(k, half_life=half_life, **filters)
    show_films(engine, answer, SimilarMovie, output, "Popular now")
