"""`recsys popular`: films that most people like now."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from recsys.cli.films import Length, age, show_films, with_filters
from recsys.cli.output import Format, Output
from recsys.database.migrations import ready_engine
from recsys.serving.answers import SimilarMovie
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters


@with_filters
def popular(
    context: typer.Context,
    k: Length = 10,
    *,
    filters: Filters,
    half_life: Annotated[
        timedelta | None,
        typer.Option(
            parser=age,
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
