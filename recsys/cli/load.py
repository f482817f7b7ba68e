"""`recsys load`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.output import console, note, progress_bar, table
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.parameters import MAX_REJECTS

if TYPE_CHECKING:  # only commands that need pandas import it
    from recsys.loading.entries import Unmatched
    from recsys.loading.tally import LoadReport
    from recsys.sources.batches import Source
    from recsys.sources.tables import Reading

UNLEARNED = """
    select exists (select from recsys.movie_texts)
        and (recsys_internal.find_encoder('terms')).encoder_id is null
"""

FIRST_ROWS = 10
UNMATCHED = (
    *("movie_id", "title", "year", "user_id", "feedback", "rating", "rated_at"),
    *("imdb_id", "tmdb_id", "nearest"),
)


class DateOrder(StrEnum):
    """What comes first in a date whose year comes last."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


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
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME=HEADING", help="What a column is."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH|like", help="How ratings are meant, such as 1:10 or like."),
    ] = None,
    dates: Annotated[
        DateOrder | None, typer.Option(help="What comes first in dates such as 05/06/2019.")
    ] = None,
    user: Annotated[
        int | None, typer.Option(min=0, help="Whose the ratings are, if the files do not say.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be loaded, and load nothing.")
    ] = False,
    unmatched: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what has no film here, to be mended and loaded."),
    ] = None,
    users: Size = None,
    movies: Size = None,
    ratings: Size = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of a synthetic source.")] = None,
) -> None:
    """Load films and ratings: all of a source, or, if it is refused, nothing of it.

    Known names: `sample`, `synthetic`, and the public sets `ml-latest-small`, `ml-latest`,
    `ml-100k`, `ml-1m`, `ml-10m`, `ml-20m`, `ml-25m`, `ml-32m`, which are downloaded once.

    Formats, recognised from the files (`--format` overrides): `movielens` (CSV, since 20M),
    `movielens-dat` (1M, 10M), `movielens-100k`, `movietweetings`, `netflix-prize`, `imdb-datasets`
    (title.basics.tsv ...), `tmdb` (TMDB 5000, exports with id, title, overview ...), `kaggle` (The
    Movies Dataset), `texts` (plots, overviews, keywords, credits of films that are there, in CSV or
    JSON; found by IMDb id, TMDB id, or title and year), `ratings` (CSV, JSON, RecBole: user, film,
    rating, time or not), and what one person takes home: `letterboxd`, `imdb`, `trakt`,
    `netflix-history` (with `--user`).

    Examples:

    - `recsys load ~/Downloads/ml-25m.zip`

    - `recsys load plots.json`

    - `recsys load letterboxd.zip --user 42 --unmatched unmatched.csv`

    - `recsys load votes.csv --column rating="Overall score" --scale 1:100 --dry-run`

    - `recsys load synthetic --users 10000 --movies 5000 --ratings 1000000`
    """
    from recsys.sources.scales import scale_of
    from recsys.sources.tables import Reading

    sizes = {"users": users, "movies": movies, "ratings": ratings, "seed": seed}
    given = {name: value for name, value in sizes.items() if value is not None}
    reading = Reading(
        dict(map(_named, column or [])),
        scale_of(scale) if scale is not None else None,
        None if dates is None else dates is DateOrder.DAY_FIRST,
        user,
    )
    opened = _open(source, file_format, given, reading)
    engine = ready_engine(context.obj, create=True)
    if dry_run:
        show_reading(opened)
    report = load_source(engine, opened, max_rejects, replace, dry_run)
    if unmatched is not None:
        write_unmatched(report.unmatched, unmatched)
    elif report.unmatched:
        note("`--unmatched FILE` writes the films that were not found, to be mended and loaded.")
    if dry_run:
        note("Nothing was loaded: this was a dry run.")
        return
    with reported_errors(), engine.connect() as connection:
        if connection.exec_driver_sql(UNLEARNED).scalar():
            note("`recsys train` or `recsys text embed` learns the texts for `recsys search`.")
    note("BI views of months and users show it after `recsys train` or `recsys bi refresh`.")


def _named(text: str) -> tuple[str, str]:
    name, _, heading = text.partition("=")
    if not name or not heading:
        raise typer.BadParameter("write NAME=HEADING", param_hint="--column")
    return heading, name


def _open(source: str, file_format: str | None, sizes: dict[str, int], reading: Reading) -> Source:
    from recsys.sources import open_source
    from recsys.sources.download.sets import TERMS
    from recsys.sources.simulated.synthetic import SyntheticSource

    if source == "synthetic":
        return SyntheticSource(**sizes)
    if sizes:
        raise typer.BadParameter("only a synthetic source takes sizes", param_hint="SOURCE")
    if source not in TERMS or Path(source).exists():
        return open_source(source, file_format, reading=reading)
    note(f"{source}: {TERMS[source]}")
    with progress_bar({"downloading": f"Downloading {source}"}, "bytes") as progress:
        return open_source(source, file_format, progress, reading)


def show_reading(source: Source) -> None:
    """Show of each file the columns, and its first rows as they are understood."""
    from recsys.sources.batches import PARTS

    note(f"Format: {source.format}.")
    for part in getattr(source, "parts", []):
        named = ", ".join(f"{h} -> {name}" for h, name in part.fields.items() if name)
        note(f"{part.file.name}: {part.kind}{named and f'; {named}'}")
    shown: set[str] = set()
    for batch in source.batches():
        if batch.kind not in (*PARTS, *shown):
            shown.add(batch.kind)
            rows = batch.rows.head(FIRST_ROWS).drop(columns="raw", errors="ignore")
            if "rated_at" in rows:
                rows["rated_at"] = [_time(seconds) for seconds in rows["rated_at"]]
            rows = rows.astype(object).where(rows.notna(), None)
            console.print(table(rows.to_dict("records"), title=f"{batch.kind} of {batch.file}"))  # type: ignore[arg-type]
        if {part.kind for part in getattr(source, "parts", [])} <= shown:
            break


def _time(seconds: float) -> str | None:
    known = seconds == seconds  # not NaN
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}" if known else None


def write_unmatched(entries: Sequence[Unmatched], path: Path) -> None:
    """Write what has no film here as CSV that can be loaded once its movie_id is filled in."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(UNMATCHED)
        for entry in entries:
            row = asdict(entry) | {
                "movie_id": None,
                "feedback": entry.status,
                "nearest": " | ".join(entry.nearest),
            }
            writer.writerow([row[name] for name in UNMATCHED])
    note(
        f"{path}: {len(entries):,} without a film here, with the nearest films. Fill in "
        "movie_id, or mend title and year, and load it."
    )


def load_source(
    engine: Engine,
    source: Source,
    max_rejects: float = MAX_REJECTS,
    replace: bool = False,
    dry_run: bool = False,
) -> LoadReport:
    """Load with a progress bar, and say what was done."""
    from recsys.loading.load import load as run

    words = {"loading": f"Loading {Path(source.name).name or source.name}"}
    with progress_bar(words, "percent") as progress:
        report = run(engine, source, max_rejects, progress, replace, dry_run)
    console.print(
        table([{"rows of": kind, **asdict(counts)} for kind, counts in report.kinds.items()])
    )
    for line in remarks(source, report):
        note(line)
    return report


def remarks(source: Source, report: LoadReport) -> Iterator[str]:
    """Yield what the counts alone do not tell."""
    for part in getattr(source, "parts", []):
        yield from (f"{part.file.name}: {line}." for line in part.notes)
    if report.joined:
        found = ", ".join(f"{n:,} by {key}" for key, n in report.joined.items() if n)
        yield f"Found their film: {found or 'none'}. Without one here: {report.unjoined:,}."
    if report.joined.get("title alone"):
        yield (
            "A title alone may be another film's of the same name (1 in 60 of some thousand tried "
            "ones): a column of years makes it sure."
        )
    if report.invented:
        yield (
            f"The source names no films: {report.invented:,} were entered under their ids, such as "
            "'Movie 17'. Load a file of films to name them."
        )
    if unread := getattr(source, "unread", []):
        yield f"Not read: {', '.join(unread)}."
    for part in getattr(source, "parts", []):
        if part.unread:
            yield f"{part.file.name}: columns not read: {', '.join(part.unread)}."
        yield from (
            f"{part.file.name}: `{heading}` may be the {field}: --column {field}='{heading}' "
            "reads it."
            for heading, field in part.offers.items()
        )
    if report.total.rejected:
        where = (
            f": select * from recsys.load_rejects where run_id = {report.run_id};"
            if report.run_id
            else "."
        )
        yield f"Rows not taken: {report.total.rejected:,}. {report.main_reason}{where}"
    if source.notice:
        yield source.notice
