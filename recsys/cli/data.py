"""`recsys load` and `recsys train`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TaskID
from sqlalchemy import Engine

from recsys.cli.output import console, note, progress, table
from recsys.migrations import ready_engine
from recsys.parameters import MAX_REJECTS, POSITIVE_STARS, Parameters

if TYPE_CHECKING:  # pandas and torch are imported by those commands alone that need them
    from recsys.sources.batches import Source


def load(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A MovieLens folder, or the known name `sample`."),
    ],
    file_format: Annotated[
        str | None, typer.Option("--format", help="The format, where it is not to be guessed.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of rows that may be refused.")
    ] = MAX_REJECTS,
) -> None:
    """Load films and ratings: all of a source, or, if it is refused, nothing of it.

    Example: `recsys load ~/Downloads/ml-latest-small`
    """
    from recsys.sources import open_source

    opened = open_source(source, file_format)
    load_source(ready_engine(context.obj, create=True), opened, max_rejects)


def load_source(engine: Engine, source: Source, max_rejects: float = MAX_REJECTS) -> None:
    """Load with a progress bar, and say what was done."""
    from recsys.load import load as run

    with progress() as bar:
        task: TaskID = bar.add_task(
            f"Loading {Path(source.name).name}", total=source.row_count(), note=""
        )

        def on_rows(kind: str, rows: int) -> None:
            bar.update(task, advance=rows, note=kind)

        report = run(engine, source, max_rejects, on_rows)
        bar.update(task, note="done")
    rows = [{"rows of": kind, **asdict(counts)} for kind, counts in report.kinds.items()]
    console.print(table(rows))
    if report.total.rejected:
        note(
            f"The refused rows and the reasons: select * from recsys.load_rejects "
            f"where run_id = {report.run_id};"
        )
    if source.notice:
        note(source.notice)


DEFAULTS = Parameters()
Factors = Annotated[int, typer.Option(min=1, max=1999, help="Length of the vectors.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the ratings.")]
Alpha = Annotated[float, typer.Option(min=0, help="Weight of films not rated.")]
Regularization = Annotated[float, typer.Option(min=0, help="Keeps vectors short.")]
Threshold = Annotated[
    float, typer.Option(min=0.5, max=5, help="Stars from which a film counts as liked.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the first, random vectors.")]


def train(
    context: typer.Context,
    factors: Factors = DEFAULTS.factors,
    epochs: Epochs = DEFAULTS.epochs,
    alpha: Alpha = DEFAULTS.alpha,
    regularization: Regularization = DEFAULTS.regularization,
    threshold: Threshold = POSITIVE_STARS,
    seed: Seed = DEFAULTS.seed,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
) -> None:
    """Train on the ratings in the database; the new model answers from then on.

    Example: `recsys train --factors 64 --seed 1`
    """
    parameters = Parameters(factors, epochs, alpha, regularization, seed)
    train_model(ready_engine(context.obj), parameters, threshold, device)


def train_model(
    engine: Engine, parameters: Parameters, threshold: float = POSITIVE_STARS, device: str = "auto"
) -> int:
    """Train with a progress bar that shows the loss, and say what was made."""
    from recsys.train import train as run
    from recsys.vectors import show_model

    with progress() as bar:
        task = bar.add_task("Training", total=parameters.epochs, note="")

        def on_epoch(epoch: int, loss: float) -> None:
            bar.update(task, completed=epoch, note=f"loss {loss:.4f}")

        model_id = run(engine, parameters, threshold, device, on_epoch)
    with engine.connect() as connection:
        model = show_model(connection, model_id)
    console.print(
        f"Model {model_id} is active: {model['movie_count']:,} films and {model['user_count']:,} "
        f"users, {model['factors']} factors, trained in {model['duration'].total_seconds():.1f} s."
    )
    return model_id
