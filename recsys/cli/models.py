"""`recsys models`: the versions of the model."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.output import Format, Output, console, note, progress_bar, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine

if TYPE_CHECKING:  # pandas is imported by the command alone that needs it
    from recsys.training.imports import ImportReport

app = typer.Typer(help="List, show, import, activate and drop models.", no_args_is_help=True)

ModelId = Annotated[int, typer.Argument(metavar="ID", help="The model's id.")]


class Score(StrEnum):
    """What two vectors give."""

    DOT = "dot"
    COSINE = "cosine"


@app.command("list")
def list_(context: typer.Context, output: Output = Format.TABLE) -> None:
    """List the models, the newest first.

    Example: `recsys models list`
    """
    from recsys.models import versions

    with reported_errors(), ready_engine(context.obj).connect() as connection:
        rows = [dict(row._mapping) for row in versions.list_models(connection)]
    show([_line(row) for row in rows] if output is Format.TABLE else rows, output)
    if not rows and output is Format.TABLE:
        say("There is no model yet: `recsys train` makes one.")


@app.command("show")
def show_(context: typer.Context, model_id: ModelId, output: Output = Format.TABLE) -> None:
    """Show everything known about one model.

    Example: `recsys models show 3 --output json`
    """
    from recsys.models.describe import describe_model

    with reported_errors(), ready_engine(context.obj).connect() as connection:
        model = describe_model(connection, model_id)
    if output is Format.TABLE:
        show([{"": name, "model": value} for name, value in _readable(model).items()], output)
    else:
        show([model], output)


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the list says of a model, shortened so that it fits on a line."""
    file = row["file"]
    return {
        "id": row["model_id"],
        "active": row["active"],
        "algorithm": f"{row['algorithm']}: {file}" if file else row["algorithm"],
        "factors": row["factors"],
        "films": row["movie_count"],
        "users": row["user_count"],
        **{name: row[name] for name in ("loss", "created_at", "activated_at")},
    }


def _readable(model: dict[str, Any]) -> dict[str, Any]:
    """Return the facts in short: vectors by their range, sizes in MB, the order in words."""
    from recsys.models.describe import ORDERS

    ranker = model["ranker"] or {}
    model = model | {
        "ranker": None,
        "order": ORDERS.get(ranker.get("order") or "retrieval"),
        "order_taught_by": ranker.get("taught_by"),
        **(ranker.get("order_metrics") or {}),
        "stars": {name: f"{value:.4g}" for name, value in ranker.get("metrics", {}).items()},
        "half_life": "none: all likes count alike"
        if model["half_life"] is None
        else f"{model['half_life'] / timedelta(days=1):.3g} days: older likes count less",
    }
    lines = {name: _short(value) for name, value in model.items() if value not in (None, {})}
    rows, tables = model["row_bytes"], model["table_bytes"]
    share = f", {rows / tables:.0%} of the {tables / 1e6:,.1f} MB of all models" if tables else ""
    return {
        **lines,
        "row_bytes": f"{rows / 1e6:,.1f} MB{share}, indexes apart",
        "table_bytes": f"{tables / 1e6:,.1f} MB",
        "index_bytes": f"{model['index_bytes'] / 1e6:,.1f} MB",
    }


def _short(value: Any) -> str | datetime:
    match value:
        case list():
            return f"{len(value)} numbers, {min(value):.3g} to {max(value):.3g}"
        case dict():
            given = {key: item for key, item in value.items() if item is not None}
            return ", ".join(
                f"{key} {item:.4g}" if isinstance(item, float) else f"{key} {item}"
                for key, item in given.items()
            )
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case datetime():
            return value
        case timedelta():
            return f"{value.total_seconds():.1f} s"
    return str(value)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The films' vectors.")],
    users: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The users' vectors, if there are any.")
    ] = None,
    score: Annotated[
        Score, typer.Option(help="The product of two vectors, or of vectors of length 1.")
    ] = Score.DOT,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let it answer from now on.")
    ] = False,
) -> None:
    """Import vectors trained elsewhere as a model, which answers once it is activated.

    Users without a vector get one from the films that they like.

    CSV or Parquet: a column `movie_id`, `imdb_id` or `tmdb_id` (users: `user_id`), and one column
    for each number, or one column `embedding` with a list. npz: arrays `movie_ids` and `movies`,
    and, in the same file or another, `user_ids` and `users`.

    `recsys evaluate --vectors` tells how good they are.

    Examples:

    - `recsys models import films.parquet --users users.parquet`

    - `recsys models import both.npz --activate`
    """
    from recsys.training.imports import import_vectors

    words = {
        "reading": "Reading the vectors",
        "looking up": "Looking up the films",
        "writing": "Writing the vectors and their indexes",
    }
    engine = ready_engine(context.obj)
    with progress_bar(words) as progress:
        report = import_vectors(engine, file, users, score.value, activate, progress)
    _say_imported(report, activate)


def _say_imported(report: ImportReport, active: bool) -> None:
    """Say what was made, what was left out, and how to go back."""
    console.print(
        f"Model {report.model_id} is {'active' if active else 'written'}: {report.movies:,} films "
        f"and {report.users:,} users, {report.factors} factors, imported in "
        f"{report.duration.total_seconds():.1f} s."
    )
    counts = report.counts
    if unknown := counts["movies_unknown"]:
        note(
            f"Left out: {unknown:,} of {counts['movies_read']:,} films, which the database does "
            f"not have ({report.example} is the first)."
        )
    if zero := counts["movies_zero"] + counts["users_zero"]:
        note(f"Left out: {zero:,} vectors of zeros.")
    if not active:
        note(f"It answers after: recsys models activate {report.model_id}")
    elif report.previous is not None:
        note(f"To go back: recsys models activate {report.previous}")


@app.command()
def activate(context: typer.Context, model_id: ModelId) -> None:
    """Let a model answer from now on; to roll back, activate an older one.

    Example: `recsys models activate 2`
    """
    from recsys.models import versions

    with reported_errors(), ready_engine(context.obj).begin() as connection:
        versions.activate_model(connection, model_id)
    say(f"Model {model_id} is active.")


@app.command()
def drop(context: typer.Context, model_id: ModelId) -> None:
    """Remove a model and its vectors; the active model cannot be dropped.

    Example: `recsys models drop 1`
    """
    from recsys.models import versions

    engine = ready_engine(context.obj)
    with reported_errors():
        with engine.begin() as connection:
            versions.drop_model(connection, model_id)
        versions.reclaim_space(engine)
    say(f"Model {model_id} is dropped.")
