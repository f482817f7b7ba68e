"""`recsys load`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.output import console, note, progress_bar, table
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.parameters import MAX_REJECTS

if TYPE_CHECKING:  # only commands that need pandas import it
    from recsys.loading.tally import LoadReport
    from recsys.sources.batches import Source

UNLEARNED = """
    select exists (select from recsys.movie_texts)
        and (recsys_internal.find_encoder('terms')).encoder_id is null
"""

Size = Annotated[int | None, typer.Option(min=1, help="Of a synthetic source.")]


def load(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A folder, zip or file, or a known name.")
    ],
    file_format: Annotated[
        str | None, typer.Option("--format", help="The format, if it should not be guessed.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of rows that may be refused.")
    ] = MAX_REJECTS,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="First remove all films, ratings, profiles and models."),
    ] = False,
    users: Size = None,
    movies: Size = None,
    ratings: Size = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of a synthetic source.")] = None,
) -> None:
    """Load films and ratings: all of a source, or, if it is refused, nothing of it.

    Known names: `sample`, `synthetic`, and the public sets `ml-latest-small`, `ml-latest`,
    `ml-100k`, `ml-1m`, `ml-10m`, `ml-20m`, `ml-25m`, `ml-32m`, which are downloaded once.

    Formats, recognised from the files (`--format` overrides): `movielens` (CSV, since 20M),
    `movielens-dat` (1M, 10M), `movielens-100k`, `movietweetings`, `tmdb` (TMDB 5000, exports with
    id, title, overview ...), `kaggle` (The Movies Dataset), `texts` (plots, overviews, keywords,
    credits of films that are there, in CSV or JSON; found by IMDb id, TMDB id, or title and year)
    and `ratings` (CSV: userId, movieId, rating, timestamp or not).

    Examples:

    - `recsys load ~/Downloads/ml-25m.zip`

    - `recsys load plots.json`

    - `recsys load synthetic --users 10000 --movies 5000 --ratings 1000000`
    """
    sizes = {"users": users, "movies": movies, "ratings": ratings, "seed": seed}
    given = {name: value for name, value in sizes.items() if value is not None}
    opened = _open(source, file_format, given)
    engine = ready_engine(context.obj, create=True)
    load_source(engine, opened, max_rejects, replace)
    with reported_errors(), engine.connect() as connection:
        if connection.exec_driver_sql(UNLEARNED).scalar():
            note("`recsys train` or `recsys text embed` learns the texts for `recsys search`.")
    note("BI views of months and users show it after `recsys train` or `recsys bi refresh`.")


def _open(source: str, file_format: str | None, sizes: dict[str, int]) -> Source:
    from recsys.sources import open_source
    from recsys.sources.download.sets import TERMS
    from recsys.sources.simulated.synthetic import SyntheticSource

    if source == "synthetic":
        return SyntheticSource(**sizes)
    if sizes:
        raise typer.BadParameter("only a synthetic source takes sizes", param_hint="SOURCE")
    if source not in TERMS or Path(source).exists():
        return open_source(source, file_format)
    note(f"{source}: {TERMS[source]}")
    with progress_bar({"downloading": f"Downloading {source}"}, "bytes") as progress:
        return open_source(source, file_format, progress)


def load_source(
    engine: Engine, source: Source, max_rejects: float = MAX_REJECTS, replace: bool = False
) -> None:
    """Load with a progress bar, and say what was done."""
    from recsys.loading.load import load as run

    words = {"loading": f"Loading {Path(source.name).name or source.name}"}
    with progress_bar(words, "percent") as progress:
        report = run(engine, source, max_rejects, progress, replace)
    console.print(
        table([{"rows of": kind, **asdict(counts)} for kind, counts in report.kinds.items()])
    )
    for line in remarks(source, report):
        note(line)


def remarks(source: Source, report: LoadReport) -> Iterator[str]:
    """Yield what the counts alone do not tell."""
    if "descriptions" in report.kinds:
        found = ", ".join(f"{n:,} by {key}" for key, n in report.joined.items() if n)
        yield f"Found their film: {found or 'none'}. Without one here: {report.unjoined:,}."
    if report.invented:
        yield (
            f"The source names no films: {report.invented:,} were entered under their ids, such as "
            "'Movie 17'. Load a file of films to name them."
        )
    if unread := getattr(source, "unread", []):
        yield f"Not read: {', '.join(unread)}."
    if report.total.rejected:
        yield (
            "The refused rows and the reasons: select * from recsys.load_rejects "
            f"where run_id = {report.run_id};"
        )
    if source.notice:
        yield source.notice
